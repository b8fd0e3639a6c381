"""What is summed up, what stays, and what may stand for it."""

from typing import Any

import pytest

from qwenproxy.endpoints.responses import compaction
from qwenproxy.endpoints.responses.compaction import PREFACE, Stand
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_VALUE, ProxyError
from qwenproxy.sealing import Keyring, OwnersSeal
from qwenproxy.wire.openai import Json
from tests.endpoints.responses import asking as a

RULE = {"role": "developer", "content": "Be brief."}
HELLO, MORE = {"role": "user", "content": "Hello"}, {"role": "user", "content": "More"}
SAID = {"role": "assistant", "content": "Hi."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "4 C"}
SUMMARY = {"role": "user", "content": f"{PREFACE}They said hello."}
NEXT = {"role": "user", "content": "And now?"}


def item(*messages: Json, users: bool = False, seal: OwnersSeal = a.SEAL) -> Json:
    sealed = compaction.seal(Stand(messages, users), seal)
    return {"id": "cmp_1", "type": "compaction", "encrypted_content": sealed}


def messages(said: list[Json], seal: Any = a.SEAL, **options: Any) -> list[Json]:
    found: list[Json] = a.ask(said, options={"seal": seal} | options).chat["messages"]
    return found


STANDING: dict[str, tuple[list[Json], list[Json]]] = {
    "for all before it but rules": ([RULE, HELLO, SAID, item(SUMMARY), NEXT], [RULE, SUMMARY, NEXT]),
    "for all but what users said": (
        [RULE, HELLO, SAID, MORE, item(SUMMARY, users=True), NEXT],
        [RULE, HELLO, MORE, SUMMARY, NEXT],
    ),
    "the last one for those before": ([item(HELLO), SAID, item(SUMMARY, users=True), NEXT], [SUMMARY, NEXT]),
    "with the end of it word for word": (
        [item(SUMMARY, CALL, RESULT), {"type": "message"} | SAID, NEXT],
        [SUMMARY, CALL, RESULT, SAID, NEXT],
    ),
    "with a call that still waits": (
        [item(SUMMARY, CALL), {"type": "function_call_output", "call_id": "c1", "output": "4 C"}],
        [SUMMARY, CALL, RESULT],
    ),
}


@pytest.mark.parametrize("name", STANDING)
def test_it_stands(name: str) -> None:
    said, left = STANDING[name]
    assert messages(said) == left


def test_tools_that_came_before_it_are_still_offered() -> None:
    call = a.ask([{"type": "additional_tools", "tools": [a.function("f")]}, item(SUMMARY)], options={"seal": a.SEAL})
    assert [tool["function"]["name"] for tool in call.chat["tools"]] == ["f"]


UNREADABLE: dict[str, tuple[Json, Any]] = {
    "another server's": ({"type": "compaction", "encrypted_content": "gAAAAABo"}, a.SEAL),
    "of no content": ({"type": "compaction"}, a.SEAL),
    "of another owner": (item(SUMMARY), OwnersSeal(Keyring(["k" * 32]), "bob")),
    "of a lost key": (item(SUMMARY), OwnersSeal(Keyring(["n" * 32]), "ann")),
    "tampered with": (item(SUMMARY) | {"encrypted_content": item(SUMMARY)["encrypted_content"][:-8]}, a.SEAL),
    "thinking": ({"type": "compaction", "encrypted_content": a.SEAL.close("reasoning", "{}")}, a.SEAL),
    "where there are no keys": (item(SUMMARY), None),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused_by_its_place(name: str) -> None:
    unreadable, seal = UNREADABLE[name]
    with pytest.raises(ProxyError, match=r"'input\[1\]' is a compacted conversation that cannot be read") as caught:
        messages([HELLO, unreadable, NEXT], seal)
    assert (caught.value.failure, caught.value.param) == (UNSUPPORTED_VALUE, "input[1].encrypted_content")


def test_one_from_an_earlier_response_is_not_of_the_input() -> None:
    with pytest.raises(ProxyError) as caught:
        messages([NEXT], None, past=[item(SUMMARY)])
    assert caught.value.param == "previous_response_id.encrypted_content"


PARTED: dict[str, tuple[list[Json], int]] = {
    "before the last question": ([HELLO, SAID, MORE], 2),
    "before the calls that are answered": ([HELLO, SAID, MORE, CALL, RESULT], 3),
    "all, if nothing is open": ([HELLO, SAID], 2),
    "nothing of a first question": ([RULE, HELLO, MORE], 0),
    "nothing of nothing": ([], 0),
}


@pytest.mark.parametrize("name", PARTED)
def test_what_is_summed_up(name: str) -> None:
    said, place = PARTED[name]
    assert compaction.parted(said) == (said[:place], said[place:])
    assert compaction.compactable({"messages": said}) is (place > 0)


def test_rules_are_not_summed_up_and_stay() -> None:
    chat, stand = compaction.compacted({"model": "m", "messages": [RULE, HELLO, SAID, RULE, NEXT]}, "They said hello.")
    assert chat == {"model": "m", "messages": [RULE, RULE, SUMMARY, NEXT]}
    assert stand == Stand([SUMMARY, NEXT], users=False), "what comes before it still says them"


def test_a_summary_is_asked_for_without_tools_and_forms() -> None:
    call = a.ask(
        [HELLO, SAID, {"type": "compaction_trigger"}],
        tools=[a.function("f")],
        text={"format": {"type": "json_object"}},
        reasoning={"effort": "low"},
        instructions="Be brief.",
        options={"seal": a.SEAL},
    )
    assert call.compacts
    assert call.chat.keys() == {"model", "messages", "reasoning_effort"}
    assert call.chat["messages"][:-1] == [{"role": "system", "content": "Be brief."}, HELLO, SAID]


@pytest.mark.parametrize("said", [[{"type": "compaction_trigger"}], [RULE, {"type": "compaction_trigger"}]])
def test_where_nothing_was_said_nothing_is_compacted(said: list[Json]) -> None:
    with pytest.raises(ProxyError) as caught:
        messages(said)
    assert (caught.value.failure, caught.value.param) == (INVALID_VALUE, "input")


def test_a_trigger_comes_last() -> None:
    with pytest.raises(ProxyError) as caught:
        messages([HELLO, {"type": "compaction_trigger"}, NEXT])
    assert (caught.value.failure, caught.value.param) == (INVALID_VALUE, "input[1]")


THRESHOLDS: dict[str, tuple[Any, int | None]] = {
    "not asked for": (None, None),
    "none": ([], None),
    "said": ([{"type": "compaction", "compact_threshold": 5000}], 5000),
    "by the model": ([{"type": "compaction"}], 80_000),
    "of another kind": ([{"type": "forgetting", "compact_threshold": 5000}], None),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_the_threshold(name: str) -> None:
    asked, most = THRESHOLDS[name]
    assert compaction.threshold(a.asking(context_management=asked), 100_000) == most


def test_another_management_is_named() -> None:
    assert a.ask(context_management=[{"type": "forgetting"}]).dropped == ["context_management"]
    with pytest.raises(ProxyError) as caught:
        a.ask(context_management=[{"type": "forgetting"}], options={"refuse": True})
    assert caught.value.param == "context_management[0].type"


@pytest.mark.parametrize("wrong", [5, [{}], [{"type": "compaction", "compact_threshold": 0}]])
def test_a_wrong_one_is_refused(wrong: Any) -> None:
    with pytest.raises(ProxyError) as caught:
        a.ask(context_management=wrong)
    assert str(caught.value.param).startswith("context_management")
