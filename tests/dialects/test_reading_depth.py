"""Answers nested deeper than they could be written again: an error event, in every dialect, and nothing raised."""

import pytest

from qwenproxy.dialects.base import Dialect
from qwenproxy.dialects.compatible import Compatible
from qwenproxy.dialects.contents import Contents
from qwenproxy.dialects.dashscope import DashScope
from qwenproxy.errors import UPSTREAM_GARBLED, ProxyError
from qwenproxy.plans import SELF_HOSTED
from qwenproxy.wire.openai import ChatEvent, Delta
from tests.support.answers import numbered_ids

DEEP = b'{"a":' * 300 + b"1" + b"}" * 300
CALL = b'"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"look","arguments":%b}}]'
ANSWERS: dict[str, tuple[Dialect, bytes]] = {
    "compatible": (Compatible(), b'{"choices":[{"index":0,"delta":{%b},"finish_reason":"stop"}]}' % (CALL % DEEP)),
    "compatible, log probabilities": (
        Compatible(),
        b'{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[%b]},"finish_reason":"stop"}]}' % DEEP,
    ),
    "compatible, an error": (Compatible(), b'{"error":{"message":%b}}' % DEEP),
    "dashscope": (DashScope(), b'{"output":{"choices":[{"message":{%b},"finish_reason":"stop"}]}}' % (CALL % DEEP)),
    "contents": (
        Contents(),
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"look","args":%b}}]},"finishReason":"STOP"}]}'
        % DEEP,
    ),
}
FRAMES = {"an event": b"data: %b\n\n", "a body": b"%b", "an array": b"[%b]"}


def heard(dialect: Dialect, body: bytes) -> list[ChatEvent]:
    reader = dialect.reader("application/json", tools=frozenset({"look"}), new_id=numbered_ids())
    return [*reader.feed(body), *reader.feed(b"")]


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize(("dialect", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_nested_too_deep_is_an_error(dialect: Dialect, answer: bytes, frame: bytes) -> None:
    (error,) = heard(dialect, frame % answer)
    assert isinstance(error, ProxyError)
    assert error.failure is UPSTREAM_GARBLED


@pytest.mark.parametrize(
    "text", [b'<tool_call>{"name":"look","arguments":%b}</tool_call>', b"<function=look><parameter=p>%b"]
)
def test_a_leaked_call_that_deep_stays_text_or_keeps_its_value_as_text(text: bytes) -> None:
    said = (text % DEEP).replace(b'"', b'\\"')
    events = heard(
        Compatible(SELF_HOSTED), b'{"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":"stop"}]}' % said
    )
    assert isinstance(events[-1], Delta)
    assert events[-1].finish_reason is not None
