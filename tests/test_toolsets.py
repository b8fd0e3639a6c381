"""Which tools a request offers, and whose they are."""

from typing import Any

import pytest

from qwenproxy import toolsets
from qwenproxy.toolsets import concluding, forced, joined, offered, wants_json, without
from qwenproxy.wire.openai import Json


def tool(name: str, about: str = "") -> Json:
    return {"type": "function", "function": {"name": name, "description": about}}


def chat(*own: str, **fields: Any) -> Json:
    tools = {"tools": [tool(name) for name in own]} if own else {}
    return {"messages": [{"role": "user", "content": "Hi"}], **tools, **fields}


OURS = [tool("clock", "ours"), tool("sums", "ours")]
NAMED: Json = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("asked", "names", "ours"),
    [
        (chat(), ["clock", "sums"], {"clock", "sums"}),
        (chat("look"), ["look", "clock", "sums"], {"clock", "sums"}),
        (chat("look", tool_choice="auto"), ["look", "clock", "sums"], {"clock", "sums"}),
        (chat("look", tool_choice="required"), ["look", "clock", "sums"], {"clock", "sums"}),
        (chat("clock"), ["clock", "sums"], {"sums"}),
        (chat("sums", "clock"), ["sums", "clock"], set()),
        (chat(n=1), ["clock", "sums"], {"clock", "sums"}),
        (chat(response_format={"type": "json_object"}), ["clock", "sums"], {"clock", "sums"}),
    ],
    ids=["none", "beside", "auto", "required", "a name of ours", "both names", "one choice", "JSON"],
)
def test_ours_are_offered_behind_the_apps_own(asked: Json, names: list[str], ours: set[str]) -> None:
    found = joined(asked, OURS)
    assert [each["function"]["name"] for each in found.chat["tools"]] == names
    assert (set(found.ours), found.note) == (ours, "")


def test_an_apps_tool_of_our_name_stays_as_the_app_has_it() -> None:
    found = joined(chat("clock"), OURS)
    assert found.chat["tools"][0] == tool("clock")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (chat(n=2), "n above 1"),
        (chat("look", tool_choice="none"), "tool_choice none"),
        (chat("look", tool_choice=NAMED), "a tool_choice that names a tool"),
        ({"messages": [{"role": "assistant", "content": "Well", "partial": True}]}, "an answer to be gone on with"),
    ],
    ids=["several choices", "none", "named", "partial"],
)
def test_where_ours_cannot_be_offered_the_request_stays_as_it_is_and_it_is_said(asked: Json, why: str) -> None:
    assert joined(asked, OURS) == (asked, frozenset(), f"tools: the proxy's own are not offered with {why}")


def test_without_tools_of_ours_there_is_nothing_to_say() -> None:
    assert joined(chat(n=2), []) == (chat(n=2), frozenset(), "")


def test_without_ours_the_apps_request_is_left() -> None:
    beside = joined(chat("look", tool_choice="auto"), OURS)
    assert without(beside.chat, beside.ours) == chat("look", tool_choice="auto")
    alone = joined(chat(), OURS)
    assert without(alone.chat, alone.ours) == chat()


def test_the_last_round_offers_the_apps_tools_only_and_keeps_its_choice() -> None:
    beside = joined(chat("look", tool_choice="required"), OURS)
    assert concluding(beside.chat, beside.ours) == chat("look", tool_choice="required")


def test_in_the_last_round_ours_alone_stay_and_may_not_be_called() -> None:
    alone = joined(chat(), OURS)
    assert concluding(alone.chat, alone.ours) == {**chat(), "tools": OURS, "tool_choice": "none"}


def test_the_functions_that_are_offered_are_found() -> None:
    assert offered(chat("a", "b")) == {"a", "b"}
    assert offered({}) == offered({"tools": None}) == frozenset()


def test_the_functions_that_must_be_called_are_found() -> None:
    choices = ("required", NAMED, "auto", "none", None)
    found = [forced(chat("a", "look", tool_choice=choice)) for choice in choices]
    assert found == [{"a", "look"}, {"look"}, set(), set(), set()]
    assert forced({}) == set()


@pytest.mark.parametrize(
    ("wanted", "json"),
    [(None, False), ({"type": "text"}, False), ({"type": "json_object"}, True), ({"type": "json_schema"}, True)],
    ids=str,
)
def test_json_modes_are_known(wanted: Json | None, json: bool) -> None:
    assert wants_json({"response_format": wanted}) is json


def test_every_obstacle_is_in_the_table_of_the_docs() -> None:
    table = toolsets.__doc__ or ""
    for word in ("`tool_choice: none`", "`n` above 1", "`partial`", "names a tool"):
        assert word in table
