"""Thought signatures."""

from qwenproxy.simulator.contents.protojson import decoded, encoded
from qwenproxy.simulator.contents.signatures import CORRUPTED, complaint, signature_of
from qwenproxy.wire.openai import Json

ASKED: Json = {"role": "user", "content": "?"}
RESULT: Json = {"role": "tool", "content": "!"}


def said(*signatures: str | None) -> Json:
    """A turn of the model with as many calls."""
    call = {"function": {"name": "look", "arguments": '{"b": 1, "a": 2}'}}
    return {
        "role": "assistant",
        "tool_calls": [call if one is None else {**call, "thought_signature": one} for one in signatures],
    }


RIGHT = signature_of("look", {"a": 2, "b": 1})


def test_a_signature_is_of_one_call() -> None:
    assert signature_of("look", {"b": 1, "a": 2}) == RIGHT
    assert len({RIGHT, signature_of("look", {}), signature_of("see", {"a": 2, "b": 1})}) == 3
    assert encoded(decoded(RIGHT)) == RIGHT


def test_a_right_one_is_taken_and_a_missing_one_too() -> None:
    assert complaint([ASKED, said(RIGHT, None), RESULT], demanded=False) is None
    assert complaint([ASKED, said(None), RESULT], demanded=False) is None


def test_a_wrong_one_is_refused() -> None:
    assert complaint([ASKED, said("wrong"), RESULT], demanded=False) == CORRUPTED


def test_a_stand_in_is_taken() -> None:
    stand_in = encoded(decoded("skip_thought_signature_validator"))
    assert complaint([ASKED, said(stand_in), RESULT], demanded=True) is None


def test_demanded_is_the_first_call_of_each_step_of_the_current_turn() -> None:
    assert complaint([ASKED, said(RIGHT, None), RESULT, said(RIGHT)], demanded=True) is None
    assert complaint([ASKED, said(None), RESULT, ASKED], demanded=True) is None
    missing = complaint([ASKED, said(RIGHT), RESULT, said(None, RIGHT)], demanded=True)
    assert missing is not None
    assert "`default_api:look` , position 4" in missing
