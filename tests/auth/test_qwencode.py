"""Qwen Code's settings file: where it is, how it is read, and which keys are in it, in which order."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.auth import qwencode
from qwenproxy.auth.qwencode import entries, value_of

CODING = "https://coding.dashscope.aliyuncs.com/v1"
SINGAPORE = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"


def test_the_file_is_in_the_users_folder_or_where_qwen_home_says(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert qwencode.path(home) == tmp_path / ".qwen" / "settings.json"
    assert qwencode.path({**home, "QWEN_HOME": "/etc/qwen"}) == Path("/etc/qwen/settings.json")
    assert qwencode.path({**home, "QWEN_HOME": "~/mine"}) == tmp_path / "mine" / "settings.json"
    assert qwencode.path({**home, "QWEN_HOME": "  "}) == tmp_path / ".qwen" / "settings.json"
    assert qwencode.path({**home, "QWEN_HOME": "mine"}) == Path.cwd() / "mine" / "settings.json"


WRITTEN: dict[str, tuple[str, Any]] = {
    "plain": ('{"a": 1}', {"a": 1}),
    "comments": ('{// one\n"a": /* two\nlines */ 1 // three\n}', {"a": 1}),
    "no comments": ('{"a": "http://x/*y*/", "b": "\\"// no"}', {"a": "http://x/*y*/", "b": '"// no'}),
    "last commas": ('{"a": [1, 2,], "b": ",]", // last\n}', {"a": [1, 2], "b": ",]"}),
    "byte order mark": ("\ufeff{}", {}),
    "list": ("[1]", [1]),
}


@pytest.mark.parametrize(("text", "value"), WRITTEN.values(), ids=WRITTEN.keys())
def test_the_file_is_json_as_people_write_it(tmp_path: Path, text: str, value: Any) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text, encoding="utf-8")
    assert qwencode.read(file) == value


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert qwencode.read(tmp_path / "settings.json") is None
    assert qwencode.read(tmp_path / "file" / "settings.json") is None


BROKEN: dict[str, tuple[bytes, str]] = {
    "cut": (b'{"env": {"DASHSCOPE_API_KEY": "sk-secret"', "it is no JSON: .* in line 1"),
    "empty": (b"", "it is no JSON"),
    "text": (b"hello", "it is no JSON"),
    "unfinished string": (b'{"a": "sk-secret', "it is no JSON"),
    "unfinished comment": (b"{} /* sk-secret", "it is no JSON"),
    "other encoding": ('{"a": "é"}'.encode("latin-1"), "it is not UTF-8 text"),
    "too large": (b" " * (qwencode.LARGEST + 1), "it is no file of settings"),
    "too deep": (b"[" * 100_000, "it is no JSON"),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_told_without_what_is_in_it(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=message) as raised:
        qwencode.read(file)
    assert "secret" not in str(raised.value)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A pipe would be waited for for ever."""
    os.mkfifo(tmp_path / "settings.json")
    for file in (tmp_path, tmp_path / "settings.json"):
        with pytest.raises(ValueError, match="it is no file of settings"):
            qwencode.read(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text("{}")
    file.chmod(0)
    with pytest.raises(ValueError, match="Permission denied"):
        qwencode.read(file)


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)], ids=oct)
def test_a_file_is_open_if_others_may_read_it(tmp_path: Path, mode: int, is_open: bool) -> None:
    file = tmp_path / "settings.json"
    file.touch()
    file.chmod(mode)
    assert qwencode.is_open(file) == is_open
    assert not qwencode.is_open(tmp_path / "none")


def model(name: str, variable: str, base_url: str = "") -> dict[str, str]:
    return {"id": name, "envKey": variable, **({"baseUrl": base_url} if base_url else {})}


TWO = {
    "env": {"BAILIAN_CODING_PLAN_API_KEY": "coding-key", "DASHSCOPE_API_KEY": "other-key"},
    "modelProviders": {
        "openai": [
            model("qwen3.7-plus", "BAILIAN_CODING_PLAN_API_KEY", CODING),
            model("qwen3-coder-plus", "BAILIAN_CODING_PLAN_API_KEY", CODING),
            model("qwen3.7-plus", "DASHSCOPE_API_KEY", SINGAPORE),
        ]
    },
}
PLACE = "modelProviders.openai"

SHAPES: dict[str, tuple[Any, dict[str, str], list[tuple[str, str, str]]]] = {
    "nothing": ({}, {}, []),
    "models in their order, each key once": (
        TWO,
        {},
        [
            ("coding-key", CODING, f"{PLACE}[0], env.BAILIAN_CODING_PLAN_API_KEY"),
            ("other-key", SINGAPORE, f"{PLACE}[2], env.DASHSCOPE_API_KEY"),
        ],
    ),
    "the chosen model first": (
        {**TWO, "model": {"name": "qwen3.7-plus", "baseUrl": SINGAPORE}},
        {},
        [
            ("other-key", SINGAPORE, f"{PLACE}[2], env.DASHSCOPE_API_KEY"),
            ("coding-key", CODING, f"{PLACE}[0], env.BAILIAN_CODING_PLAN_API_KEY"),
        ],
    ),
    "a model chosen by its name alone": (
        {**TWO, "env": {}, "model": {"name": "qwen3-coder-plus", "baseUrl": ""}},
        {"BAILIAN_CODING_PLAN_API_KEY": "from-env", "DASHSCOPE_API_KEY": "also-from-env"},
        [
            ("from-env", CODING, "BAILIAN_CODING_PLAN_API_KEY"),
            ("also-from-env", SINGAPORE, "DASHSCOPE_API_KEY"),
        ],
    ),
    "the environment before the file": (
        {"env": {"MY_KEY": "file-key"}, "modelProviders": {"openai": [model("m", "MY_KEY", CODING)]}},
        {"MY_KEY": "environment-key"},
        [("environment-key", CODING, "MY_KEY"), ("file-key", "", "env.MY_KEY")],
    ),
    "an empty variable is one that is not set": (
        {"env": {"MY_KEY": "file-key"}, "modelProviders": {"openai": [model("m", "MY_KEY", CODING)]}},
        {"MY_KEY": ""},
        [("file-key", CODING, f"{PLACE}[0], env.MY_KEY")],
    ),
    "an app's own OpenAI key is never used": (
        {"modelProviders": {"openai": [model("m", "OPENAI_API_KEY", CODING), model("n", "X", "$OPENAI_BASE_URL")]}},
        {"OPENAI_API_KEY": "openai-key", "OPENAI_BASE_URL": CODING, "X": ""},
        [],
    ),
    "a key beside the sign-in": (
        {"security": {"auth": {"selectedType": "openai", "apiKey": "auth-key", "baseUrl": SINGAPORE}}},
        {},
        [("auth-key", SINGAPORE, "security.auth.apiKey")],
    ),
    "references": (
        {"env": {"DASHSCOPE_API_KEY": "${MINE}", "OTHER": "a-$MINE", "UNKNOWN": "$NOBODY"}},
        {"MINE": "my-key"},
        [("my-key", "", "env.DASHSCOPE_API_KEY"), ("a-my-key", "", "env.OTHER")],
    ),
    "a provider as an object": (
        {"env": {"K": "key"}, "modelProviders": {"mine": {"protocol": "openai", "models": [model("m", "K", CODING)]}}},
        {},
        [("key", CODING, "modelProviders.mine[0], env.K")],
    ),
    "strange things": (
        {"env": {"A": 1, "B": None, "C": " key "}, "modelProviders": [1], "model": "m", "security": {"auth": "no"}},
        {},
        [("key", "", "env.C")],
    ),
    "stranger things": (
        {"env": ["A"], "modelProviders": {"a": None, "b": [None, 1, {"envKey": 1}], "c": {"models": {}}}, "model": []},
        {},
        [],
    ),
    "no object at all": ([1, 2], {"A": "b"}, []),
}


@pytest.mark.parametrize(("value", "environ", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_keys_are_found_in_every_shape(
    value: Any, environ: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    assert [(entry.key.reveal(), entry.base_url, entry.place) for entry in entries(value, environ)] == expected


def test_an_entry_shows_no_key() -> None:
    assert "my-key" not in repr(entries({"env": {"A": "my-key"}}, {}))


NAMES = st.sampled_from(
    ["env", "modelProviders", "models", "openai", "model", "name", "baseUrl", "envKey", "id", "security", "auth", "K"]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5), NAMES)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6))


@given(VALUES, st.dictionaries(NAMES, st.text(max_size=3), max_size=3))
def test_no_value_breaks_the_reader(value: Any, environ: dict[str, str]) -> None:
    assert all(entry.key for entry in entries(value, environ))


@given(VALUES)
def test_what_has_no_comments_is_read_as_it_is(value: Any) -> None:
    assert value_of(orjson.dumps(value).decode()) == value
