"""Oddities of native frames, on the smallest streams that show them."""

import pytest

from qwenproxy.models import Row
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.dashscope.distortions import DISTORTIONS
from qwenproxy.simulator.dashscope.face import Dashscope
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply
from qwenproxy.wire.openai import Head, Json

CALLS = (Call("a", "first", '{"q": 1}'), Call("b", "second", "{}"))
REPLIES = {
    "text": Reply((Choice(text="Hello you there, how are you?"),), Prompt(1)),
    "nothing": Reply((Choice(),), Prompt(1)),
    "calls": Reply((Choice("Hm", calls=CALLS, finish="tool_calls"),), Prompt(1), thinks=True),
    "choices": Reply((Choice(text="Hello"), Choice(text="Good morning")), Prompt(1)),
}
INCREMENTS: Json = {"incremental_output": True}
FACES = [Dashscope(multimodal=False), Dashscope(multimodal=True)]


def stream(reply: Reply, face: Dashscope = FACES[0], **chat: str) -> Chunks:
    ask = Ask({**INCREMENTS, "model": "m", **chat}, Row(multimodal=face.multimodal))
    return face.chunks(reply, ask, Head("1", "m", 1))


@pytest.mark.parametrize("result_format", ["message", "text"])
@pytest.mark.parametrize("face", FACES, ids=["text", "multimodal"])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("distort", DISTORTIONS.values(), ids=DISTORTIONS)
def test_every_oddity_takes_every_stream(distort: Distort, reply: Reply, face: Dashscope, result_format: str) -> None:
    assert face.events(distort(stream(reply, face, result_format=result_format), "")) is not None


@pytest.mark.parametrize("face", FACES, ids=["text", "multimodal"])
@pytest.mark.parametrize("distort", DISTORTIONS.values(), ids=DISTORTIONS)
def test_every_oddity_shows_somewhere(distort: Distort, face: Dashscope) -> None:
    assert any(distort(stream(reply, face), "") != stream(reply, face) for reply in REPLIES.values())


def test_what_is_cumulative_keeps_choices_apart() -> None:
    told = DISTORTIONS["cumulative-content"](stream(REPLIES["choices"]), "")
    last = {c["index"]: c["message"]["content"] for frame in told for c in frame["output"]["choices"]}
    assert last == {0: "Hello", 1: "Good morning"}


def test_cumulative_text_of_the_old_form_grows_too() -> None:
    told = DISTORTIONS["cumulative-output"](stream(REPLIES["text"], result_format="text"), "")
    assert told[-1]["output"] == {"text": "Hello you there, how are you?", "finish_reason": "stop"}
    assert told[0]["output"]["text"] == "Hello you"


def test_cumulative_calls_are_whole_at_the_end() -> None:
    told = DISTORTIONS["cumulative-calls"](stream(REPLIES["calls"]), "")
    calls = told[-1]["output"]["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], *call["function"].values()) for call in calls] == [
        ("a", "first", '{"q": 1}'),
        ("b", "second", "{}"),
    ]
