"""Oddities of chunks, on the smallest streams that show them."""

import pytest

from qwenproxy.simulator import compatible, distortions
from qwenproxy.simulator.face import Distort
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply
from qwenproxy.wire.openai import Head, Json

HEAD = Head("chatcmpl-1", "m", 1)
REPLIES = {
    "text": Reply((Choice(text="Hello you there, how are you?"),), Prompt(1)),
    "nothing": Reply((Choice(),), Prompt(1)),
    "calls": Reply((Choice("Hm", calls=(Call("a", "f", "{}"), Call("b", "g", "{}"))),), Prompt(1), thinks=True),
    "choices": Reply((Choice(text="Hello"), Choice(text="Good morning")), Prompt(1)),
}
ALL = distortions.DISTORTIONS


def stream(reply: Reply, *, include_usage: bool = True) -> list[Json]:
    return compatible.chunks(reply, HEAD, include_usage=include_usage)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("distort", ALL.values(), ids=ALL)
def test_every_oddity_takes_every_stream(distort: Distort, reply: Reply, include_usage: bool) -> None:
    assert compatible.payloads(distort(stream(reply, include_usage=include_usage), ""))


@pytest.mark.parametrize("distort", ALL.values(), ids=ALL)
def test_every_oddity_shows_somewhere(distort: Distort) -> None:
    assert any(distort(stream(reply), "") != stream(reply) for reply in REPLIES.values())


def test_cumulative_channels_are_kept_apart() -> None:
    told = distortions.cumulative_content(stream(REPLIES["choices"]), "")
    last = {c["index"]: c["delta"]["content"] for chunk in told for c in chunk["choices"] if c["delta"].get("content")}
    assert last == {0: "Hello", 1: "Good morning"}
