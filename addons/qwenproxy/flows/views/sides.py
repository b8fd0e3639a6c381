"""The parts of a view: what the app sent and got, what Qwen got and answered, and what was made of it on the way."""

from collections.abc import Callable, Iterator, Sequence

from mitmproxy import http

from qwenproxy.flows.views import message, notes, pretty
from qwenproxy.flows.views.notes import Notes
from qwenproxy.transcript import Kept

STREAM = "text/event-stream"
EMPTY = " "
"""mitmweb leaves out a line that holds nothing."""
WORDS = ("dropped", "changed", "learned", "repaired", "tools")
"""What was left out of a request and altered in it, what a refusal has taught, what was put right in an answer, and
which tools of the proxy were run."""


def section(title: str) -> Iterator[str]:
    yield from (EMPTY, f"===== {title} =====")


def summary(found: Notes) -> Iterator[str]:
    """What holds for the exchange as a whole."""
    facts = found["exchange"]
    yield notes.called(facts)
    yield f"{', '.join(notes.figures(facts))}, id {facts['id']}"
    yield from (f"{name}: {word}" for name in WORDS for word in facts.get(name) or ())
    if "error" in facts:
        yield from pretty.wrapped(f"error: {facts['error']}")
    if found["left_out"]:
        yield f"{found['left_out']} more rounds were not kept"


def request_of_app(data: bytes, request: http.Request, found: Notes) -> Iterator[str]:
    """What the app sent, and in few words what became of it."""
    if found["rounds"] and (lines := pretty.differences(data, found["rounds"][-1]["body"])):
        yield from section("from the app to Qwen (- dropped, + added, ~ changed)")
        yield from lines
    yield from section(f"as the app sent it: {request.method} {request.path.partition('?')[0]}")
    yield pretty.indented(data)


def answer_to_app(data: bytes, response: http.Response) -> Iterator[str]:
    content_type = response.headers.get("content-type", "")
    yield from section(f"as the app got it: {response.status_code} {content_type}, {len(data)} bytes{_span(response)}")
    yield message_to_app(data, response) or ("" if is_stream(response) else pretty.indented(data))


def message_to_app(data: bytes, response: http.Response) -> str:
    return message.of_app(data, response.headers.get("content-type", ""))


def raw_to_app(data: bytes, response: http.Response) -> Iterator[str]:
    """What the message was made of; what is no message has been shown already."""
    if is_stream(response):
        yield from section("raw, as the app got it")
        yield pretty.text(data).rstrip()
    elif message_to_app(data, response):
        yield from section("raw, as the app got it")
        yield pretty.indented(data)


def is_stream(response: http.Response) -> bool:
    content_type: str = response.headers.get("content-type", "")
    return content_type.startswith(STREAM)


def _span(response: http.Response) -> str:
    if response.timestamp_end is None or not is_stream(response):
        return ""
    return f" in {response.timestamp_end - response.timestamp_start:.2f} s"


def each_round(found: Notes, title: str, part: Callable[[Kept], Sequence[str]]) -> Iterator[str]:
    """*part* of every round, under the *title* with what tells the rounds apart."""
    many = len(found["rounds"])
    choices = {kept["choice"] for kept in found["rounds"]}
    for number, kept in enumerate(found["rounds"], 1):
        which = f", round {number} of {many}" if many > 1 else ""
        which += f", choice {kept['choice']}" if len(choices) > 1 else ""
        if lines := part(kept):
            yield from section(f"{title}{which}: {lines[0]}")
            yield from lines[1:]


def request_to_qwen(kept: Kept) -> Sequence[str]:
    lines = [f"{kept['method']} {kept['url']}, sent at {kept['sent']:.3f} s{_part(kept['body'], kept['size'])}"]
    lines += [f"{name}: {value}" for name, value in kept["headers"]]
    lines += [f"dropped: {word}" for word in kept["dropped"]] + [f"changed: {word}" for word in kept["changed"]]
    return [*lines, EMPTY, pretty.indented(kept["body"])] if kept["body"] else lines


def answer_of_qwen(kept: Kept, to_app: str) -> Sequence[str]:
    """The message, and when it came; *to_app*: the one that the app got.  The body itself is below (`raw_of_qwen`)."""
    lines = [f"{kept['status'] or 'no answer'}{_times(kept)}, {kept['answer_size']} bytes"]
    lines += [f"error: {kept['error']}"] if kept["error"] else []
    lines += [f"learned: {word}" for word in kept["learned"]] + [f"repaired: {word}" for word in kept["repaired"]]
    content_type = _content_type(kept)
    if (kept["status"] or 0) < 300:
        told = message.of_upstream(kept["url"], kept["answer"], content_type, whole=kept["whole"])
        lines += ["the same message"] if told and told == to_app else [told] if told else []
    return lines


def raw_of_qwen(kept: Kept) -> Sequence[str]:
    if not kept["answer_headers"] and not kept["answer"]:
        return []
    lines = [
        f"{kept['status']}{_part(kept['answer'], kept['answer_size'])}",
        *(f"{name}: {value}" for name, value in kept["answer_headers"]),
        EMPTY,
    ]
    if _content_type(kept).startswith(STREAM):
        return [*lines, pretty.text(kept["answer"]).rstrip()]
    return [*lines, pretty.indented(kept["answer"])]


def _times(kept: Kept) -> str:
    times = {"head": kept["answered"], "first event": kept["first"], "last": kept["last"]}
    return "".join(f", {title} at {at:.3f} s" for title, at in times.items() if at is not None)


def _content_type(kept: Kept) -> str:
    return next((value for name, value in kept["answer_headers"] if name.lower() == "content-type"), "")


def _part(kept: bytes, size: int) -> str:
    """How much was kept, if that is not all of it.  (Where a token was hidden, it may be a little less in any case.)"""
    return f", {len(kept)} bytes of {size}" if size > len(kept) else ""
