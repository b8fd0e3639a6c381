"""Which tools are on, for whom: the settings, the client's key, and what a request asks for."""

from pathlib import Path
from typing import Any

import pytest

from qwenproxy.errors import ProxyError
from qwenproxy.tools.policy import FIELD, HEADER, OFF, allowed, asked
from tests.tools.tooling import settings_of

SAID: dict[str, tuple[str | None, object, tuple[str, ...] | None]] = {
    "nothing": (None, None, None),
    "a header": ("current_time, files__*", None, ("current_time", "files__*")),
    "a field": (None, ["current_time", "current_time"], ("current_time",)),
    "a field as text": (None, "a,b", ("a", "b")),
    "both": ("a", ["b"], ("b",)),
    "none, by the header": ("none", None, ()),
    "none, by the field": ("a", [], ()),
    "an empty header": ("", None, ()),
}


@pytest.mark.parametrize(("header", "field", "found"), SAID.values(), ids=SAID)
def test_a_request_asks_by_header_or_field(header: str | None, field: object, found: tuple[str, ...] | None) -> None:
    assert asked(header, field) == found


WRONG: dict[str, tuple[str | None, object, str]] = {
    "a number": (None, 3, FIELD),
    "numbers": (None, [1], FIELD),
    "an object": (None, {"a": True}, FIELD),
    "no name": ("a b", None, HEADER),
    "far too many": (None, ["a"] * 1_000, FIELD),
    "a long one": ("x" * 65, None, HEADER),
    "another script": (None, ["ä"], FIELD),
}


@pytest.mark.parametrize(("header", "field", "param"), WRONG.values(), ids=WRONG)
def test_what_is_no_list_of_names_is_a_400(header: str | None, field: object, param: str) -> None:
    with pytest.raises(ProxyError) as caught:
        asked(header, field)
    assert (caught.value.status, caught.value.param) == (400, param)


GIVEN = {
    "tools": "current_time",
    "tools_on_request": "calculate,files__*",
    "client_keys": "special,plain",
    "client_tools": '{"special": ["files__*", "web__get"]}',
}
SPECIAL = {"files__read", "files__list", "web__get"}
ALL = [*SPECIAL, "current_time", "calculate", "shell__run"]

ON: dict[str, tuple[str | None, tuple[str, ...] | None, set[str]]] = {
    "by the settings": (None, None, {"current_time"}),
    "by a key that has none of its own": ("plain", None, {"current_time"}),
    "by a key": ("special", None, SPECIAL),
    "by the request": (None, ("calculate",), {"calculate"}),
    "by the request, with more": ("plain", ("calculate", "current_time"), {"calculate", "current_time"}),
    "by the request, many": (None, ("*",), {"current_time", "calculate", "files__read", "files__list"}),
    "by the request, none": ("special", (), set()),
    "by the request of a key": ("special", ("web__*", "calc*"), {"web__get", "calculate"}),
}


@pytest.mark.parametrize(("key", "wanted", "names"), ON.values(), ids=ON)
def test_a_tool_is_on(tmp_path: Path, key: str | None, wanted: tuple[str, ...] | None, names: set[str]) -> None:
    found = allowed(settings_of(tmp_path, **GIVEN), key, wanted)
    assert {name for name in ALL if found.admits(name)} == names
    assert bool(found) is bool(names)


def test_without_settings_nothing_is_on(tmp_path: Path) -> None:
    assert allowed(settings_of(tmp_path), None, None) is OFF
    assert not allowed(settings_of(tmp_path), None, ("*",)).admits("current_time")


@pytest.mark.parametrize(("key", "name"), [(None, "shell__run"), ("special", "current_time"), (None, "web__get")])
def test_asking_for_what_one_may_not_have_is_a_400_that_names_it(tmp_path: Path, key: Any, name: str) -> None:
    with pytest.raises(ProxyError, match=name) as caught:
        allowed(settings_of(tmp_path, **GIVEN), key, ("calculate", name))
    assert (caught.value.status, caught.value.failure.code) == (400, "unsupported_tool")
    assert "special" not in caught.value.message
