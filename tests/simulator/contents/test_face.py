"""The face."""

from typing import Any

import orjson
import pytest

from qwenproxy.models import row_of
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.contents.face import FRAMED, Contents, ContentsArray
from qwenproxy.simulator.contents.signatures import CORRUPTED
from qwenproxy.simulator.refusals import Refused, invalid
from qwenproxy.simulator.reply import Choice, Prompt, Reply
from qwenproxy.simulator.scenarios import SCENARIOS, is_on
from qwenproxy.simulator.service import Service
from qwenproxy.simulator.steps import Send
from qwenproxy.wire.openai import Head, Json

MODEL = "qwen3.7-plus"
WEATHER: Json = {"tools": [{"functionDeclarations": [{"name": "get_weather", "description": "The weather"}]}]}
HELLO: Json = {"contents": [{"parts": [{"text": "Hello"}]}]}
HEAD = Head("r-1", "qwen3.7-plus", 1_790_000_000)
REPLY = Reply((Choice(text="Good morning, Riga!"),), Prompt(9))


def ask(face: Contents, body: Json) -> Ask:
    return Ask(face.chat(body), row_of(face.model))


def signed(said: str, signature: str | None) -> Ask:
    call: Json = {"functionCall": {"name": "look", "args": {}}} | ({"thoughtSignature": signature} if signature else {})
    result = {"functionResponse": {"name": "look", "response": {}}}
    contents = [{"parts": [{"text": said}]}, {"role": "model", "parts": [call]}, {"parts": [result]}]
    return ask(Contents("qwen3.7-plus"), {"contents": contents})


@pytest.mark.parametrize("stream", [True, False])
def test_the_path_names_the_model_and_whether_to_stream(stream: bool) -> None:
    chat = Contents("qwen3.7-plus#crlf", stream).chat(HELLO)
    assert (chat["model"], chat["stream"]) == ("qwen3.7-plus#crlf", stream)


def test_an_unknown_model_is_refused_in_googles_words() -> None:
    with pytest.raises(Refused, match="models/gpt-4o is not found for API version v1beta"):
        Contents("gpt-4o").chat(HELLO)


@pytest.mark.parametrize(("said", "missing"), [("x", False), ("[sim: signatures] x", True)])
def test_missing_signatures_are_refused_on_request(said: str, missing: bool) -> None:
    refusal = Contents("qwen3.7-plus").refusal(signed(said, None))
    assert (refusal is not None) == missing


def test_wrong_signatures_are_always_refused() -> None:
    refusal = Contents("qwen3.7-plus").refusal(signed("x", "AAAA"))
    assert refusal is not None
    assert refusal.message == CORRUPTED


@pytest.mark.parametrize("thoughts", [True, False])
def test_thoughts_are_shown_on_request(thoughts: bool) -> None:
    face = Contents("qwen3.7-plus", stream=True)
    wish = {"generationConfig": {"thinkingConfig": {"includeThoughts": thoughts}}}
    reply = Reply((Choice("Hm.", "Hello"),), Prompt(1), thinks=True)
    told = [face.whole(reply, ask(face, HELLO | wish), HEAD), *face.chunks(reply, ask(face, HELLO | wish), HEAD)]
    assert (b'"thought":true' in orjson.dumps(told)) == thoughts


def test_a_stream_of_events() -> None:
    face = Contents("qwen3.7-plus", stream=True)
    chunks = face.chunks(REPLY, ask(face, HELLO), HEAD)
    assert face.events(chunks) == [b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks]


def test_a_stream_as_an_array_comes_element_by_element() -> None:
    face = ContentsArray("qwen3.7-plus", stream=True)
    chunks = face.chunks(REPLY, ask(face, HELLO), HEAD)
    events = face.events(chunks)
    assert len(events) == len(chunks) + 1
    assert orjson.loads(b"".join(events)) == chunks
    assert (face.events([]), face.stream_type) == ([b"[]\n"], "application/json")


def test_an_error_has_googles_form() -> None:
    assert Contents("x").error(invalid("no"), "1")["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("face", [Contents, ContentsArray])
def test_what_means_nothing_here_is_a_scenario(face: Any) -> None:
    assert face.without <= set(SCENARIOS)
    assert not is_on("no-done", face)
    assert is_on("signatures", face)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if is_on(name, ContentsArray)])
def test_every_scenario_of_this_face_is_played(name: str) -> None:
    for face in (Contents(MODEL), Contents(MODEL, stream=True), ContentsArray(MODEL, stream=True)):
        body = {"contents": [{"parts": [{"text": f"[sim: {name}] The weather in Riga?"}]}], **WEATHER}
        try:
            steps = Service(0, 0).chat(body, "r-1", face)
        except Refused as refused:
            steps = [Send(refused.refusal.body("r-1", face.error))]
        assert steps


def test_an_array_has_no_frames() -> None:
    assert {name for name, scenario in SCENARIOS.items() if scenario.frame is not None} <= FRAMED | {"raw-error"}
    assert not is_on("comments", ContentsArray)
