"""Frames read by their stencils: as if parsed, and only what is the same frame in other words."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy import sse
from qwenproxy.dialects.reading import Reading
from qwenproxy.dialects.stencils import LESSONS, MOST
from qwenproxy.wire.openai import ChatEvent, Json
from tests.dialects import contents_reading, dashscope_reading, reading
from tests.support.answers import Answer, written

type Frame = Callable[..., Json]
"""The body of a frame with a text, perhaps thinking, and totals of so many tokens."""


def compatible(text: str = "", thought: str = "", tokens: int | None = None, choice: int = 0) -> Json:
    usage = None if tokens is None else {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens}
    delta = {"content": text, "reasoning_content": thought or None}
    chosen = {"delta": delta, "finish_reason": None, "index": choice, "logprobs": None}
    return {"choices": [chosen], "object": "chat.completion.chunk", "usage": usage, "id": "chatcmpl-1"}


def native(text: str = "", thought: str = "", tokens: int | None = None, choice: int = 0) -> Json:
    message = {"role": "assistant", "content": text, "reasoning_content": thought}
    chosen = {"index": choice, "message": message, "finish_reason": "null"}
    details = {"output_tokens_details": {"text_tokens": tokens}, "input_tokens": 7}
    usage = {} if tokens is None else {"usage": {"output_tokens": tokens, **details}}
    return {"output": {"choices": [chosen]}, **usage, "request_id": "r1"}


def contents(text: str = "", thought: str = "", tokens: int | None = None, choice: int = 0) -> Json:
    part = {"text": thought, "thought": True} if thought else {"text": text}
    candidate = {"content": {"parts": [part], "role": "model"}, "index": choice}
    usage = {} if tokens is None else {"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": tokens}}
    return {"candidates": [candidate], **usage, "modelVersion": "m"}


def line(body: Json) -> bytes:
    return sse.encode(orjson.dumps(body))


DIALECTS: dict[str, tuple[Callable[[], Reading], Frame, Callable[[Json], bytes]]] = {
    "compatible": (reading.reader, compatible, line),
    "dashscope": (dashscope_reading.reader, native, dashscope_reading.frame),
    "contents": (contents_reading.reader, contents, line),
}


def taught(make: Callable[[], Reading], event: bytes) -> Reading:
    """A reader that has heard *event*: twice, as the first one may also open the answer."""
    reader = make()
    for _ in range(2):
        reader.feed(event)
    return reader


each = pytest.mark.parametrize(("make", "frame", "encode"), DIALECTS.values(), ids=DIALECTS.keys())


@each
@pytest.mark.parametrize("counts", [(None, None), (3, 4), (9, 10), (10, 0)])
def test_the_same_frame_in_other_words_is_not_parsed(
    make: Callable[[], Reading], frame: Frame, encode: Callable[[Json], bytes], counts: tuple[Any, Any]
) -> None:
    before, after = counts
    reader = taught(make, encode(frame("Hello ", tokens=before)))
    for text in ("wörld", "", '"\\\n', "🦉"):
        event = encode(frame(text, tokens=after)).replace(b"id:1", b"id:27")
        assert reader._stencils.take(event + event[:9]) == len(event)


FRAMES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "thinking behind text": ({"text": "Hello "}, {"thought": "Hm"}),
    "totals where there were none": ({"text": "Hello "}, {"text": "you", "tokens": 3}),
    "no totals where there were some": ({"text": "Hello ", "tokens": 3}, {"text": "you"}),
    "another choice": ({"text": "Hello "}, {"text": "you", "choice": 1}),
    "no words": ({"text": ""}, {"text": ""}),
}


@each
@pytest.mark.parametrize(("first", "second"), FRAMES.values(), ids=FRAMES.keys())
def test_other_frames_are_parsed(
    make: Callable[[], Reading],
    frame: Frame,
    encode: Callable[[Json], bytes],
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    reader = taught(make, encode(frame(**first)))
    assert reader._stencils.take(encode(frame(**second))) == 0


@each
def test_words_that_stand_elsewhere_in_the_frame_teach_nothing(
    make: Callable[[], Reading], frame: Frame, encode: Callable[[Json], bytes]
) -> None:
    event = encode(frame(next(iter(frame()))))
    assert taught(make, event)._stencils.take(event) == 0


DAMAGES: dict[str, tuple[bytes, bytes]] = {
    "a text that ends too soon": (b"you", b'y"u'),
    "a text with half an escape": (b"you", b"yo\\"),
    "half a character": (b"you", b"yo\xf0\x9f"),
    "a line feed in the text": (b"you", b"y\nu"),
    "no number": (b":4", b":"),
    "a number that is none": (b":4", b":04"),
    "another key": (b"tokens", b"t0kens"),
    "something behind it": (b"}\n\n", b"}}\n\n"),
    "no end": (b"}\n\n", b"}\n"),
}


@each
@pytest.mark.parametrize(("good", "bad"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_frame_does_not_fit(
    make: Callable[[], Reading], frame: Frame, encode: Callable[[Json], bytes], good: bytes, bad: bytes
) -> None:
    reader = taught(make, encode(frame("Hello ", tokens=3)))
    event = encode(frame("you", tokens=4))
    assert reader._stencils.take(event) == len(event)
    if good in event:
        assert reader._stencils.take(event.replace(good, bad)) == 0


TEXTS = st.text(max_size=8) | st.sampled_from(["~", "null", "stop", '"', "\\", "<think>", "</think>", "model", "index"])
SAID = st.fixed_dictionaries(
    {"text": TEXTS, "thought": st.sampled_from(["", "", "Hm", "~"])},
    optional={"tokens": st.integers(0, 12), "choice": st.integers(0, 1)},
)


@each
@given(said=st.lists(SAID | st.lists(SAID, min_size=3, max_size=3).map(lambda some: some[0]), max_size=12))
def test_an_answer_reads_as_if_all_of_it_were_parsed(
    make: Callable[[], Reading], frame: Frame, encode: Callable[[Json], bytes], said: Sequence[dict[str, Any]]
) -> None:
    def heard(reader: Reading, pieces: Sequence[bytes]) -> list[ChatEvent]:
        return [event for piece in [*pieces, b""] for event in reader.feed(piece)]

    events = [encode(frame(**words)) for words in said]
    parsing = make()
    parsing._stencils.lessons = 0
    expected = list(map(written, heard(parsing, events)))
    assert list(map(written, heard(make(), events))) == expected
    assert list(map(written, heard(make(), [b"".join(events)] if events else []))) == expected


@each
def test_the_last_totals_are_told(make: Callable[[], Reading], frame: Frame, encode: Callable[[Json], bytes]) -> None:
    reader, events = make(), []
    for tokens in range(1, 30):
        events += reader.feed(encode(frame(f"word {tokens} ", tokens=tokens)))
    last = (
        encode(frame("end")).replace(b'"null"', b'"stop"').replace(b'"finish_reason":null', b'"finish_reason":"stop"')
    )
    last = last.replace(b'"role":"model"}', b'"role":"model"},"finishReason":"STOP"')
    answer = Answer([*events, *reader.feed(last), *reader.feed(b"")])
    assert answer.finish == "stop"
    assert answer.usage is not None
    assert answer.usage["completion_tokens"] == 29


def test_frames_that_never_fit_are_not_learned_from_for_ever() -> None:
    reader = reading.reader()
    for number in range(2 * LESSONS):
        reader.feed(line(compatible(f"word {number} ") | {"id": f"chatcmpl-{number}"}))
    assert len(reader._stencils.known) == MOST
    assert reader._stencils.lessons == 0


def test_a_frame_that_does_more_than_speak_is_not_rehearsed() -> None:
    """A call is minted an id: read twice it would be two."""
    reader = contents_reading.reader()
    call = {"functionCall": {"name": "now", "args": {}}}
    data = contents_reading.stream(
        contents_reading.response({"text": "Hi "}, call), contents_reading.response(finish="STOP")
    )
    answer = Answer([*reader.feed(data), *reader.feed(b"")])
    assert answer.calls == [("call_new0", "now", "{}")]
    assert not reader._stencils.known
