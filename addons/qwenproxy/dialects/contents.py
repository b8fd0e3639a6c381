"""The contents format: `generateContent` with `contents`, `functionDeclarations` and `usageMetadata`.

No Qwen host serves it; gateways in front of Qwen do (LiteLLM, CLIProxyAPI, new-api), with a bearer token.  Source:
ai.google.dev/api/generate-content (v1beta) and the gateways' source, read 2026-11.
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote

import orjson

from qwenproxy.dialects import failures
from qwenproxy.dialects.base import Reader, UpstreamRequest
from qwenproxy.dialects.contents_fields import Unsaid, generation_config, param, tools
from qwenproxy.dialects.contents_parts import twice
from qwenproxy.dialects.contents_reader import Reader as AnswerReader
from qwenproxy.dialects.contents_turns import turns
from qwenproxy.dialects.leaks import Think
from qwenproxy.dialects.reading import about
from qwenproxy.dialects.signatures import Signatures
from qwenproxy.errors import MODEL_NOT_FOUND, ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import STANDARD, Plan
from qwenproxy.wire.openai import Json

RESOURCE = "models/"
"""What listings of this format write in front of a model's name."""


class Contents:
    """The contents format as *plan* serves it.  Remembers the signatures of calls, and nothing else."""

    name = "contents"
    unsaid: Mapping[str, str] = Unsaid()

    def __init__(self, plan: Plan = STANDARD) -> None:
        self._plan = plan
        self._signatures = Signatures()

    def request(self, chat: Json, row: Row, *, stream: bool) -> UpstreamRequest:
        """The call for *chat*, which the rulings have settled.

        Raises ProxyError for a model's name that cannot stand in a path, and for parts that the format has not.
        """
        body = turns(chat["messages"], self._signatures) | tools(chat, row)
        if row.inline_twice:
            for content in body["contents"]:
                twice(content["parts"])
        if config := generation_config(chat, row):
            body["generationConfig"] = config
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path = f"/models/{_quoted(chat['model'])}:{method}"
        return UpstreamRequest(path, self._plan.headers, orjson.dumps(body), stream)

    def reader(
        self, content_type: str, *, tools: frozenset[str], new_id: Callable[[], str], think: Think = "start"
    ) -> Reader:
        """A reader for an answer of *content_type*; *new_id* makes ids for tool calls that come without."""
        told = about(self._plan, self.failure, tools=tools, new_id=new_id, think=think)
        return AnswerReader(content_type, self._signatures, **told)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
        """The refusal in OpenAI's words, the field at fault by OpenAI's name."""
        error = failures.failure(status, headers, body)
        error.param = param(error.param)
        return error


def _quoted(model: str) -> str:
    """*model* as part of a path.  Slashes stay: gateways match the rest of the path up to the last colon.

    Raises ProxyError for a name that would lead elsewhere.
    """
    name = model.removeprefix(RESOURCE)
    if not all(step.strip(".") for step in name.split("/")):
        raise ProxyError(MODEL_NOT_FOUND, f"The model '{model[:100]}' does not exist.", param="model")
    return quote(name, safe="/:@")
