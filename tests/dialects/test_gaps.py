"""The call that fills a gap."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.compatible import Compatible
from qwenproxy.dialects.gaps import filler
from qwenproxy.models import row_of
from qwenproxy.wire.openai import Delta
from tests.dialects.asking import ask

CODER = row_of("qwen2.5-coder-32b-instruct")


def asked(*, stream: bool, **fields: Any) -> tuple[str, Any]:
    """The path and the body of the call."""
    fill = filler("compatible", CODER)
    assert fill is not None
    request = fill(ask(**fields), "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>", stream)
    assert (request.method, request.stream) == ("POST", stream)
    return request.path, orjson.loads(request.body)


def test_the_prompt_stands_for_the_messages() -> None:
    body = {"model": "qwen-test", "prompt": "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>", "max_tokens": 9}
    assert asked(stream=False, max_tokens=9) == ("/completions", body | {"stream": False})


def test_the_totals_of_a_stream_are_always_asked_for() -> None:
    _, body = asked(stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize(
    ("dialect", "model"),
    [("compatible", "qwen3-coder-plus"), ("dashscope", "qwen-coder-turbo"), ("contents", "qwen-coder-turbo")],
)
def test_others_are_not_asked(dialect: str, model: str) -> None:
    assert filler(dialect, row_of(model)) is None


@pytest.mark.parametrize(
    ("content_type", "answer"),
    [
        ("application/json", b'{"choices":[{"index":0,"text":"return a","finish_reason":"stop","logprobs":null}]}'),
        (
            "text/event-stream",
            b'data: {"choices":[{"index":0,"text":"return","finish_reason":null}]}\n\n'
            b'data: {"choices":[{"index":0,"text":" a","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        ),
    ],
    ids=["whole", "streamed"],
)
def test_the_answer_is_read_as_a_chats(content_type: str, answer: bytes) -> None:
    reader = Compatible().reader(content_type, tools=frozenset(), new_id=lambda: "call_1")
    events = [*reader.feed(answer), *reader.feed(b"")]
    pieces = [event for event in events if isinstance(event, Delta)]
    assert "".join(piece.delta.get("content") or "" for piece in pieces) == "return a"
    assert pieces[-1].finish_reason == "stop"
