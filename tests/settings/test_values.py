"""Values of settings: as they are written, and as they are used."""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.settings import values
from qwenproxy.settings.values import Kind, Secret

CHOICE = values.one_of("drop", "refuse")
SECONDS = values.seconds(0)
MIB = 1 << 20

GOOD: list[tuple[Kind[Any], object, object]] = [
    (values.TEXT, " qwen3.7-plus ", "qwen3.7-plus"),
    (values.PATH, "~/key", "~/key"),
    (CHOICE, "Refuse ", "refuse"),
    *((values.FLAG, text, True) for text in (True, "true", "True", "yes", "on", "1")),
    *((values.FLAG, text, False) for text in (False, "false", "NO", "off", "0")),
    (SECONDS, "15", 15.0),
    (SECONDS, " 0.5 ", 0.5),
    (SECONDS, 300, 300.0),
    (SECONDS, 2.5, 2.5),
    (SECONDS, "0", 0.0),
    *(
        (values.SIZE, text, 64 * MIB)
        for text in ("64m", "64M", "64 MiB", "64mb", "65536k", "67108864", 67108864, "0.0625g")
    ),
    (values.SIZE, "1", 1),
    (values.HOSTS, "api.openai.com, *.Example.com,", ("api.openai.com", "*.example.com")),
    (values.HOSTS, ["api.openai.com", "api.openai.com"], ("api.openai.com",)),
    (values.HOSTS, "", ()),
    (values.UPSTREAM_HOSTS, "qwen.example.com", ("qwen.example.com",)),
    (
        values.ORIGINS,
        "https://App.example.com/,http://localhost:3000",
        ("https://app.example.com", "http://localhost:3000"),
    ),
    (values.ORIGINS, "https://a.example:443,http://a.example:80", ("https://a.example", "http://a.example")),
    (values.ORIGINS, "http://a.example:443", ("http://a.example:443",)),
    (values.ORIGINS, ["*"], ("*",)),
    (values.ORIGINS, "null,app://obsidian.md", ("null", "app://obsidian.md")),
    (values.ALIASES, '{"gpt-4o*": "qwen3.7-plus"}', {"gpt-4o*": "qwen3.7-plus"}),
    (values.ALIASES, {"gpt-4o*": "qwen3.7-plus"}, {"gpt-4o*": "qwen3.7-plus"}),
    (values.ALIASES, "", {}),
    (values.URL, "", ""),
    (values.URL, "https://Host.example/compatible-mode/v1/", "https://host.example/compatible-mode/v1"),
    (values.URL, "HTTPS://host.example", "https://host.example"),
    (values.URL, "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    (values.URL, "http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    (values.URL, "https://host.example/v1/chat/completions", "https://host.example/v1"),
    (values.URL, "https://host.example/v1/chat/completions/chat/completions/", "https://host.example/v1"),
    (values.KEY, " sk-1\n", Secret("sk-1")),
    (values.KEYS, "a,b, a", (Secret("a"), Secret("b"))),
    (values.KEYS, ["a"], (Secret("a"),)),
]


@pytest.mark.parametrize(("kind", "raw", "value"), GOOD, ids=lambda value: repr(value)[:40])
def test_a_value_is_read(kind: Kind[Any], raw: object, value: object) -> None:
    assert kind.parse(raw) == value


WRONG: list[tuple[Kind[Any], object, str]] = [
    (values.TEXT, 5, ""),
    (values.TEXT, "a\x00b", ""),
    (CHOICE, "keep", ""),
    (CHOICE, True, ""),
    (values.FLAG, "maybe", ""),
    (values.FLAG, 1, ""),
    (values.FLAG, "", ""),
    *((SECONDS, raw, "") for raw in ("", "soon", "-1", "nan", "inf", "1e99", -1, True, None, [1])),
    (values.seconds(1), "0.5", ""),
    *((values.SIZE, raw, "") for raw in ("", "0", "big", "64x", "-1", -1, True, 1.5, "m")),
    (values.HOSTS, 5, ""),
    (values.HOSTS, ["a", 5], ""),
    (values.HOSTS, "*", "a name has"),
    (values.HOSTS, "https://api.openai.com", "a name has"),
    (values.HOSTS, "mtls.api.openai.com", "certificate"),
    (values.HOSTS, "*.mtls.api.openai.com", "certificate"),
    *((values.ORIGINS, raw, "") for raw in ("app.example.com", "https://", "https://a.example/path", "a b", 5)),
    *((values.ALIASES, raw, "") for raw in ("[]", "5", {"a": 5}, {"a": ""}, {"": "a"}, ["a"])),
    (values.ALIASES, "{", "line 1"),
    (values.ALIASES, {"gpt-4": {"1": "qwen"}}, "quotes"),
    *(
        (values.URL, raw, "")
        for raw in ("host.example", "ftp://h", "https://", "/v1", "https://h h", "https://bücher.de", 5)
    ),
    *((values.URL, raw, "") for raw in ("https://h:port", "https://h:0", "https://h:70000", "https://[::1")),
    (values.URL, "https://user:secret@h/v1", "user name or password"),
    (values.URL, "https://h/v1?key=secret", "query"),
    (values.URL, "https://h/v1#secret", "fragment"),
    *((values.KEY, raw, "character") for raw in ("two words", "a,b", "schlüssel")),
    (values.KEYS, ["a b"], "character"),
]


@pytest.mark.parametrize(("kind", "raw", "reason"), WRONG, ids=lambda value: repr(value)[:40])
def test_a_wrong_value_is_refused_with_the_reason(kind: Kind[Any], raw: object, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        kind.parse(raw)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "raw", ["https://user:secret@h/v1", "https://user:sec/ret@h", "https://h/v1?key=secret", "https://h:secret"]
)
def test_a_wrong_url_is_not_quoted(raw: str) -> None:
    """It may hold a password or a key."""
    with pytest.raises(ValueError) as caught:
        values.URL.parse(raw)
    assert "sec" not in str(caught.value)
    assert not values.URL.quoted


@pytest.mark.parametrize(
    ("url", "yes"),
    [
        ("https://h/v1/chat/completions", True),
        (" https://h/v1/chat/completions/ ", True),
        ("https://h/v1", False),
        ("https://h/chat/completions/v1", False),
        (5, False),
    ],
)
def test_a_base_url_that_goes_on_to_the_call_is_noticed(url: object, yes: bool) -> None:
    assert values.names_a_call(url) == yes


@given(st.integers(1, 1 << 40))
def test_a_size_that_is_shown_is_read_back(size: int) -> None:
    assert values.SIZE.parse(values.SIZE.show(size)) == size


@pytest.mark.parametrize(
    ("size", "text"), [(64 * MIB, "64m"), (1 << 30, "1g"), (1500, "1500"), (1536, "1536"), (2048, "2k")]
)
def test_a_size_is_shown_in_its_largest_whole_unit(size: int, text: str) -> None:
    assert values.SIZE.show(size) == text


@given(st.floats(0, 86_400))
def test_seconds_that_are_shown_are_read_back(span: float) -> None:
    assert SECONDS.parse(SECONDS.show(span)) == span


@given(st.dictionaries(*[st.text(st.characters(categories=["L", "N"]), min_size=1)] * 2))
def test_aliases_that_are_shown_are_read_back(aliases: dict[str, str]) -> None:
    assert values.ALIASES.parse(values.ALIASES.show(aliases)) == aliases


def test_a_secret_is_never_shown() -> None:
    secret = Secret("sk-very-secret")
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "sk-" not in shown
    assert secret.reveal() == "sk-very-secret"


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret()
    assert copy.deepcopy(Secret("a")) == pickle.loads(pickle.dumps(Secret("a"))) == Secret("a")
