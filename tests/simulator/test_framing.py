"""How events are framed: whatever the form, a decoder finds the same payloads."""

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.simulator import framing
from qwenproxy.simulator.framing import Frame

FRAMES: list[Frame] = [
    framing.plain,
    framing.comments,
    framing.event_lines,
    framing.crlf,
    framing.carriage_returns,
    framing.no_space,
    framing.data_lines,
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.__name__)
def test_a_decoder_finds_the_payloads(frame: Frame) -> None:
    decoder = sse.Decoder()
    payloads = decoder.feed(frame(sse.encode(b'{"a":"\xc5\x86"}')) + frame(sse.encode(b"[DONE]"))) + decoder.feed(b"")
    assert [orjson.loads(payloads[0]), payloads[1]] == [{"a": "ņ"}, b"[DONE]"]


def test_an_error_on_lines_of_its_own_is_no_event() -> None:
    error = framing.raw_error(sse.encode(b'{"error":{"message":"{}"}}'))
    assert orjson.loads(error) == {"error": {"message": "{}"}}
    assert sse.Decoder().feed(error + b"\n") == []
    assert framing.raw_error(sse.encode(b'{"a":1}')) == sse.encode(b'{"a":1}')


def test_every_form_is_another() -> None:
    assert len({frame(sse.encode(b'{"a":1}')) for frame in FRAMES}) == len(FRAMES)
