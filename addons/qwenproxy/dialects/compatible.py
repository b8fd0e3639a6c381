"""The compatible mode: Qwen behind OpenAI's own path, with a few differences between kinds of upstream."""

from collections.abc import Callable, Mapping

import orjson

from qwenproxy.dialects import failures
from qwenproxy.dialects.base import Reader, UpstreamRequest
from qwenproxy.dialects.parts import text
from qwenproxy.dialects.reader import Reader as AnswerReader
from qwenproxy.errors import ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import STANDARD, Plan
from qwenproxy.wire.openai import Json

PATH = "/chat/completions"
CACHED = {"cache_control": {"type": "ephemeral"}}
TEMPLATE_FIELDS = ("enable_thinking", "preserve_thinking")
"""Fields that chat templates read, of which self-hosted servers know nothing."""
HOSTED_ONLY = ("thinking_budget", "tool_stream")
OSS = b'"oss://'
OSS_HEADERS = {"x-dashscope-ossresourceresolve": "enable"}


class Compatible:
    """The compatible mode as *plan* serves it."""

    name = "compatible"
    unsaid: Mapping[str, str] = {}

    def __init__(self, plan: Plan = STANDARD) -> None:
        self._plan = plan

    def request(self, chat: Json, row: Row, *, stream: bool) -> UpstreamRequest:
        """The call for *chat*, which the rulings have settled; `stream` is always said."""
        body = {**chat, "stream": stream}
        if stream:
            body["stream_options"] = {"include_usage": True}
        body = self._shaped(body, stream)
        data = orjson.dumps(body)
        return UpstreamRequest(PATH, self._headers(data), data, stream)

    def reader(self, content_type: str, *, tools: frozenset[str], new_id: Callable[[], str]) -> Reader:
        """A reader for an answer of *content_type*; *new_id* makes ids for tool calls that come without."""
        rescue = self._plan.leaks_calls
        return AnswerReader(content_type, tools=tools, failure=self.failure, new_id=new_id, rescue_calls=rescue)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
        """The refusal in OpenAI's words."""
        return failures.failure(status, headers, body)

    def _shaped(self, body: Json, stream: bool) -> Json:
        if self._plan.template_kwargs:
            return _for_template(body)
        if self._plan.portal_shape:
            return {**body, "messages": _marked(body["messages"])}
        return {"tool_stream": True, **body} if stream and "tools" in body else body

    def _headers(self, data: bytes) -> Mapping[str, str]:
        if self._plan.template_kwargs or OSS not in data:
            return self._plan.headers
        return {**self._plan.headers, **OSS_HEADERS}


def _for_template(body: Json) -> Json:
    """*body* for vLLM and SGLang, where the model's template decides on thinking."""
    said = {name: body[name] for name in TEMPLATE_FIELDS if name in body}
    others = {name: value for name, value in body.items() if name not in (*TEMPLATE_FIELDS, *HOSTED_ONLY)}
    if not said:
        return others
    own = body.get("chat_template_kwargs")
    return {**others, "chat_template_kwargs": {**(own if isinstance(own, dict) else {}), **said}}


def _marked(messages: list[Json]) -> list[Json]:
    """*messages* as the portal wants them: a system message of parts in front, its last text marked for the cache."""
    first, others = messages[0], messages[1:]
    if first.get("role") != "system":
        return [{"role": "system", "content": [{**text(""), **CACHED}]}, *messages]
    content = first.get("content")
    parts = content if isinstance(content, list) and content else [text(content if isinstance(content, str) else "")]
    return [{**first, "content": [*parts[:-1], {**parts[-1], **CACHED}]}, *others]
