"""DashScope's native protocol: text and multimodal generation below `/api/v1`.

Source: dashscope-sdk-python 1.27, qwen-code's generator for this protocol with frames it has recorded, and the vendor's
API reference, read 2026-11.
"""

from collections.abc import Callable, Mapping

import orjson

from qwenproxy.dialects import failures
from qwenproxy.dialects.announcing import STORED, announced
from qwenproxy.dialects.base import Reader, UpstreamRequest
from qwenproxy.dialects.dashscope_messages import messages
from qwenproxy.dialects.dashscope_reader import Reader as AnswerReader
from qwenproxy.dialects.leaks import Think
from qwenproxy.dialects.reading import about
from qwenproxy.errors import ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import STANDARD, Plan
from qwenproxy.wire.openai import Json

TEXT = "/services/aigc/text-generation/generation"
MULTIMODAL = "/services/aigc/multimodal-generation/generation"
"""A model is served at one of the two; the other answers "url error", of which `corrections` learns."""
STREAMED: Mapping[str, str] = {"accept": "text/event-stream", "x-dashscope-sse": "enable"}
ELSEWHERE = frozenset({"model", "messages", "min_pixels", "max_pixels"})
"""Fields of a chat request that do not stand under `parameters`."""
CITATIONS = "[ref_<number>]"
"""The form of citations in the text, where the app leaves it open: this one is nothing but a citation."""

NO_SPEECH = "answers in this protocol are text"
UNSAID: Mapping[str, str] = {
    "audio": NO_SPEECH,
    "modalities": NO_SPEECH,
    "chat_template_kwargs": "templates belong to model servers, which do not speak this protocol",
}


class DashScope:
    """The native protocol as *plan* serves it."""

    name = "dashscope"
    unsaid: Mapping[str, str] = UNSAID

    def __init__(self, plan: Plan = STANDARD) -> None:
        self._plan = plan

    def request(self, chat: Json, row: Row, *, stream: bool) -> UpstreamRequest:
        """The call for *chat*, which the rulings have settled; its fields keep their names, under `parameters`."""
        body = {
            "model": chat["model"],
            "input": {"messages": messages(chat, multimodal=row.multimodal)},
            "parameters": _parameters(chat, stream=stream),
        }
        data = orjson.dumps(body)
        path = MULTIMODAL if row.multimodal else TEXT
        return UpstreamRequest(path, self._headers(data, stream=stream), data, stream)

    def reader(
        self, content_type: str, *, tools: frozenset[str], new_id: Callable[[], str], think: Think = "start"
    ) -> Reader:
        """A reader for an answer of *content_type*; *new_id* makes ids for tool calls that come without."""
        told = about(self._plan, self.failure, tools=tools, new_id=new_id, think=think)
        return AnswerReader(content_type, **told)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
        """The refusal in OpenAI's words."""
        return failures.failure(status, headers, body)

    def _headers(self, data: bytes, *, stream: bool) -> Mapping[str, str]:
        return {**self._plan.headers, **(STREAMED if stream else {}), **announced(data, STORED)}


def _parameters(chat: Json, *, stream: bool) -> Json:
    """`parameters`: the answer as a message, and streamed in increments, whatever the model does by itself."""
    said = {name: value for name, value in chat.items() if name not in ELSEWHERE}
    if stream and "tools" in said:
        said.setdefault("tool_stream", True)
    if "reasoning_effort" in said and said.get("enable_thinking") is True:
        del said["enable_thinking"]  # an effort says so already; some models refuse both
    if said.get("enable_search") is True:
        said["search_options"] = _sources(said.get("search_options", {}))
    return {**said, "result_format": "message", **({"incremental_output": True} if stream else {})}


def _sources(options: Json) -> Json:
    """*options* of a search whose sources come with the answer, which only this protocol can tell."""
    if not isinstance(options, dict):
        return options
    options = {"enable_source": True, **options}
    return {"citation_format": CITATIONS, **options} if options.get("enable_citation") is True else options
