"""The compatible mode: Qwen behind OpenAI's own path, with a few differences between kinds of upstream."""

from collections.abc import Callable, Mapping

import orjson

from qwenproxy.dialects import failures
from qwenproxy.dialects.announcing import MARKED, STORED, announced
from qwenproxy.dialects.base import Reader, UpstreamRequest
from qwenproxy.dialects.caching import MARK
from qwenproxy.dialects.leaks import Think
from qwenproxy.dialects.parts import text
from qwenproxy.dialects.reader import Reader as AnswerReader
from qwenproxy.dialects.reading import about
from qwenproxy.errors import ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import STANDARD, Plan, Switch
from qwenproxy.wire.openai import Json

PATH = "/chat/completions"
TEMPLATE_FIELDS = ("enable_thinking", "preserve_thinking")
"""Fields that chat templates read, of which model servers know nothing."""
HOSTED_ONLY = ("thinking_budget", "tool_stream")
SOME_EFFORT = "medium"
"""Of a model that is only told to think."""


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

    def reader(
        self, content_type: str, *, tools: frozenset[str], new_id: Callable[[], str], think: Think = "start"
    ) -> Reader:
        """A reader for an answer of *content_type*; *new_id* makes ids for tool calls that come without."""
        told = about(self._plan, self.failure, tools=tools, new_id=new_id, think=think)
        return AnswerReader(content_type, **told)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
        """The refusal in OpenAI's words."""
        return failures.failure(status, headers, body)

    def _shaped(self, body: Json, stream: bool) -> Json:
        if self._plan.self_hosted:
            return SWITCHES[self._plan.switch](body)
        if self._plan.portal_shape:
            return {**body, "messages": _marked(body["messages"])}
        return {"tool_stream": True, **body} if stream and "tools" in body else body

    def _headers(self, data: bytes) -> Mapping[str, str]:
        plan = self._plan
        return plan.headers if plan.self_hosted else {**plan.headers, **announced(data, STORED, MARKED)}


def _as_field(body: Json) -> Json:
    return {name: value for name, value in body.items() if name not in HOSTED_ONLY}


def _in_template(body: Json) -> Json:
    """*body* for vLLM and SGLang, where the model's template decides on thinking."""
    said = {name: body[name] for name in TEMPLATE_FIELDS if name in body}
    others = {name: value for name, value in _as_field(body).items() if name not in TEMPLATE_FIELDS}
    if not said:
        return others
    own = body.get("chat_template_kwargs")
    return {**others, "chat_template_kwargs": {**(own if isinstance(own, dict) else {}), **said}}


def _by_effort(body: Json) -> Json:
    """*body* for Ollama, which turns thinking on and off by its effort, and calls thinking of earlier turns
    `reasoning`."""
    others = {name: value for name, value in _as_field(body).items() if name not in TEMPLATE_FIELDS}
    others["messages"] = [_reasoned(message) for message in body["messages"]]
    if "enable_thinking" in body:
        effort = others.get("reasoning_effort", SOME_EFFORT) if body["enable_thinking"] else "none"
        others["reasoning_effort"] = effort
    return others


def _reasoned(message: Json) -> Json:
    if "reasoning_content" not in message:
        return message
    return {"reasoning" if name == "reasoning_content" else name: value for name, value in message.items()}


SWITCHES: Mapping[Switch, Callable[[Json], Json]] = {
    "field": _as_field,
    "template": _in_template,
    "effort": _by_effort,
}
"""How each kind of model server is told whether to think."""


def _marked(messages: list[Json]) -> list[Json]:
    """*messages* as the portal wants them: a system message of parts in front, its last text marked for the cache."""
    first, others = messages[0], messages[1:]
    if first.get("role") != "system":
        return [{"role": "system", "content": [{**text(""), **MARK}]}, *messages]
    content = first.get("content")
    parts = content if isinstance(content, list) and content else [text(content if isinstance(content, str) else "")]
    return [{**first, "content": [*parts[:-1], {**parts[-1], **MARK}]}, *others]
