"""What a server does, step by step."""

import pytest

from qwenproxy.simulator import steps
from qwenproxy.simulator.steps import FOREVER, Break, Send, Start, Steps, Wait

START = Start(200)
STREAM: Steps = [START, Send(b"one\n"), Send(b"two\n"), Send(b"three\n"), Send(b"[DONE]")]
WHOLE: Steps = [Wait(0), START, Send(b'{"a": 1}')]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (steps.slow(STREAM, "7"), [Wait(7), *STREAM]),
        (steps.slow(STREAM, ""), [Wait(3), *STREAM]),
        (steps.think(STREAM, "0.5"), [START, STREAM[1], Wait(0.5), *STREAM[2:]]),
        (steps.think(WHOLE, "1"), [Wait(0), START, Wait(1), WHOLE[2]]),
        (steps.silence(STREAM, "2"), [*STREAM[:3], Wait(2), *STREAM[3:]]),
        (steps.silence(WHOLE, "2"), [Wait(0), START, Send(b'{"a"'), Wait(2), Send(b": 1}")]),
        (steps.stall(STREAM, ""), [*STREAM[:3], Wait(FOREVER)]),
        (steps.hang(STREAM, ""), [Wait(FOREVER)]),
        (steps.cut(STREAM, ""), [*STREAM[:3], Send(b"thr"), Break()]),
        (steps.reset(STREAM, ""), [*STREAM[:3], Break("reset")]),
        (steps.closed(STREAM, ""), STREAM[:3]),
        (steps.disconnect(STREAM, ""), [Break()]),
        (steps.nothing(STREAM, ""), [START]),
        (steps.no_done(STREAM, ""), STREAM[:4]),
        (steps.at_once([START, Send(b"a"), Send(b"b")], ""), [START, Send(b"ab")]),
        (steps.one_byte([START, Send(b"ab")], ""), [START, Send(b"a"), Send(b"b")]),
        (steps.split_bytes([START, Send("aņb".encode())], ""), [START, Send(b"a\xc5"), Send(b"\x86b")]),
        (steps.cut([START], ""), [START, Break()]),
        (steps.think([START], "1"), [START, Wait(1)]),
    ],
)
def test_an_oddity_of_time(told: Steps, expected: Steps) -> None:
    assert told == expected


@pytest.mark.parametrize(
    ("argument", "seconds"), [("2", 2), ("2.5", 2.5), ("", 9), ("soon", 9), ("-1", 9), ("inf", 9), ("1e9", 9)]
)
def test_seconds_are_plain_numbers(argument: str, seconds: float) -> None:
    assert steps.seconds(argument, 9) == seconds
