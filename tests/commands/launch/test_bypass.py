"""NO_PROXY: what would switch interception off, by the reading of any client."""

import pytest

from qwenproxy.commands.launch import bypass

HOSTS = ("api.openai.com", "*.api.openai.com")

HARMFUL = (
    "*",
    "com",
    "openai.com",
    ".openai.com",
    "*.openai.com",
    "API.OpenAI.com",
    "api.openai.com.",
    "api.openai.com:443",
    "eu.api.openai.com",
    ".api.openai.com",
    "api.*",
    "*openai*",
    "ai.com",
)


@pytest.mark.parametrize("entry", HARMFUL)
def test_an_entry_that_some_client_takes_for_an_intercepted_host_is_harmful(entry: str) -> None:
    assert bypass.sorted_out([entry], HOSTS) == ([], [entry])


HARMLESS = (
    "localhost",
    "127.0.0.1",
    "::1",
    "[::1]",
    "10.0.0.0/8",
    ".internal.example.com",
    "platform.openai.com",
    "api.openai.com.example.com",
    "notapi.openai.com.",
    "openai.org",
)


@pytest.mark.parametrize("entry", HARMLESS)
def test_other_entries_stay(entry: str) -> None:
    assert bypass.sorted_out([entry], HOSTS) == ([entry], [])


def test_each_entry_counts_once_and_the_order_stays() -> None:
    given = ["b.example", "*", "a.example", "b.example", "*"]
    assert bypass.sorted_out(given, HOSTS) == (["b.example", "a.example"], ["*"])


@pytest.mark.parametrize("text", ["a.example,b.example", " a.example , b.example,", "a.example b.example"])
def test_entries_are_parted_by_commas_or_blanks(text: str) -> None:
    assert bypass.entries(text) == ["a.example", "b.example"]


def test_without_hosts_nothing_is_harmful() -> None:
    assert bypass.sorted_out(["*"], ()) == (["*"], [])
