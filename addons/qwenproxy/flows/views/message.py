"""An answer, whole or streamed, as the message that it adds up to."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import orjson

from qwenproxy import plans, sse
from qwenproxy.endpoints.collector import collect
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.flows.views import others, pretty
from qwenproxy.flows.views.others import block
from qwenproxy.lines import DIALECTS
from qwenproxy.plans import Face
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

FACES: tuple[tuple[str, Face], ...] = (("GenerateContent", "contents"), ("generateContent", "contents"))
FACES += (("/services/", "dashscope"),)
"""What a URL holds -> what is spoken there; all else is compatible mode, or OpenAI's own."""
TEXTS = {"reasoning_content": "thinking", "content": "content", "refusal": "refusal"}


def of_app(body: bytes, content_type: str) -> str:
    """What the app was told, in OpenAI's own words; "" if it is no answer of a model."""
    try:
        chunks = [orjson.loads(body)] if "json" in content_type else _payloads(body)
        return others.told(chunks) or _told([event for chunk in chunks for event in _events(chunk)])
    except (ValueError, TypeError, AttributeError, KeyError):
        return ""


def of_upstream(url: str, body: bytes, content_type: str, *, whole: bool = True) -> str:
    """What the upstream has said at *url*, as its dialect reads it; "" if it is no chat answer.

    *whole*: this is its end, and not only where it was cut.
    """
    face: Face = next((face for part, face in FACES if part in url), "compatible")
    if face not in DIALECTS:
        return ""
    dialect = DIALECTS[face](plans.kind_of(url))
    # Without the tools of the request, calls that were written into the text stay there: that is what was said.
    reader = dialect.reader(content_type, tools=frozenset(), new_id=lambda: "(no id)")
    events = list(reader.feed(body)) if body else []
    if whole:
        events += reader.feed(b"")
    return _told(events)


def _payloads(body: bytes) -> list[Any]:
    """The objects of a stream; what was cut, or is none, is passed over."""
    decoder = sse.Decoder()
    found = []
    for payload in (*decoder.feed(body), *decoder.feed(b"")):
        with suppress(ValueError):
            found.append(orjson.loads(payload))
    return [value for value in found if isinstance(value, dict)]


def _events(chunk: Json) -> Iterator[ChatEvent]:
    """The events in a chunk of OpenAI's, or in a whole completion of its."""
    for choice in chunk.get("choices") or ():
        delta = choice["delta"] if "delta" in choice else _numbered(choice["message"])
        yield Delta(choice["index"], delta, choice.get("finish_reason"), choice.get("logprobs"))
    if usage := chunk.get("usage"):
        yield Usage(usage)
    if error := chunk.get("error"):
        yield ProxyError(UPSTREAM_CUT, error["message"])


def _numbered(message: Json) -> Json:
    """A whole message as one delta: its calls need their indexes."""
    calls = enumerate(message.get("tool_calls") or ())
    return message | {"tool_calls": [{"index": index} | call for index, call in calls]}


def _told(events: Sequence[ChatEvent]) -> str:
    """*events* for people; "" if they hold no choice."""
    answer = collect(event for event in events if not isinstance(event, ProxyError))
    if not answer["choices"]:
        return ""
    many = len(answer["choices"]) > 1
    lines = [line for choice in answer["choices"] for line in _choice(choice, numbered=many)]
    lines += [f"usage:\n{block(pretty.line(answer['usage']))}"] if "usage" in answer else []
    lines += [f"error: {event.message}" for event in events if isinstance(event, ProxyError)]
    return "\n".join(lines)


def _choice(choice: Json, *, numbered: bool) -> Iterator[str]:
    message = choice["message"]
    if numbered:
        yield f"choice: {choice['index']}"
    for name, title in TEXTS.items():
        if said := message.get(name):
            yield f"{title}: |\n{block(said)}"
    for call in message.get("tool_calls") or ():
        called = call.get("function") or call.get("custom") or {}
        yield f"tool call: {called.get('name')}  # {call.get('id')}"
        yield block(_arguments(called))
    if (called := message.get("function_call")) is not None:
        yield f"function call: {called.get('name')}\n{block(_arguments(called))}"
    yield f"finish: {choice['finish_reason'] or 'none'}"


def _arguments(called: Json) -> str:
    """What is called with: JSON, or a custom tool's own words."""
    return pretty.indented(str(called.get("arguments") or called.get("input") or "").encode())
