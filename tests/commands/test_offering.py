"""What each credential has to offer, gathered for `qwenproxy models`."""

from pathlib import Path

import pytest

from qwenproxy.commands.offering import Entry, Offering, offerings
from qwenproxy.settings import load
from tests.support.commands import Home
from tests.support.upstream import upstream, whole

LISTED = whole(
    {
        "data": [
            {"id": "qwen3:8b", "owned_by": "library", "max_model_len": 40_960},
            {"id": "qwen3-embedding:8b"},
            {"id": "qwen-image"},
            {"id": "llama3"},
        ]
    }
)


async def found(home: Path, *wanted: str, offline: bool = True, **settings: str) -> list[Offering]:
    environ = Home(home).environ(**settings)
    return await offerings(load(environ, home), environ, wanted, offline=offline)


def by_id(offering: Offering) -> dict[str, Entry]:
    return {entry.id: entry for entry in offering.entries}


async def test_the_table_says_what_a_model_can(tmp_path: Path) -> None:
    (offering,) = await found(tmp_path, api_key="sk-1")
    plus = by_id(offering)["qwen3.7-plus"]
    assert (plus.owner, plus.kind, plus.listed) == ("qwen", "chat", False)
    assert (plus.context, plus.max_output, plus.thinking) == (1_000_000, 65_536, "on")
    assert {"vision", "tools", "json", "schema", "search"} <= set(plus.abilities)
    assert "audio" not in plus.abilities
    assert plus.source
    assert by_id(offering)["qwen3.8-max"].efforts == ["low", "medium", "xhigh"]
    embeds = by_id(offering)["text-embedding-v4"]
    assert (embeds.kind, embeds.context, embeds.abilities[:2]) == ("embedding", 8_192, ["embedding", "2048"])


@pytest.mark.parametrize(
    ("dialect", "reached"),
    [("compatible", {"search", "cache"}), ("dashscope", {"search", "cache"}), ("contents", set())],
)
async def test_what_the_dialect_cannot_ask_for_is_no_ability(tmp_path: Path, dialect: str, reached: set[str]) -> None:
    address = "http://127.0.0.1:9/compatible-mode/v1"
    (offering,) = await found(tmp_path, api_key="sk-1", upstream=address, dialect=dialect)
    plus = by_id(offering)["qwen3.7-plus"]
    assert {"search", "cache", "speech"} & set(plus.abilities) == reached
    assert {"vision", "tools", "json", "schema"} <= set(plus.abilities)


async def test_what_the_upstream_lists_is_asked_for_and_believed(tmp_path: Path) -> None:
    async with upstream(LISTED) as qwen:
        (offering,) = await found(tmp_path, offline=False, upstream=qwen.base_url)
        assert (offering.kind, offering.plan, offering.listed, offering.error) == ("none", "self-hosted", 4, "")
        entries = by_id(offering)
        assert (entries["qwen3:8b"].owner, entries["qwen3:8b"].context) == ("library", 40_960)
        assert entries["qwen3:8b"].listed
        assert entries["qwen3-embedding:8b"].kind == "embedding"
        assert (entries["qwen-image"].kind, entries["qwen-image"].abilities) == ("other", [])
        assert (entries["llama3"].kind, entries["llama3"].context, entries["llama3"].thinking) == ("chat", None, None)


CREDENTIALS = {"api_key": "Bearer sk-1", "oauth": "Bearer at_kept", "none": None}


@pytest.mark.parametrize(("auth", "shown"), CREDENTIALS.items(), ids=CREDENTIALS.keys())
async def test_the_upstream_is_asked_with_whatever_calls_are_signed_in_with(
    auth: str, shown: str | None, tmp_path: Path
) -> None:
    Home(tmp_path).keep()
    async with upstream(LISTED) as qwen:
        (offering,) = await found(tmp_path, offline=False, upstream=qwen.base_url, auth=auth, api_key="sk-1")
        assert (offering.kind, offering.listed) == (auth, 4)
        assert qwen.asked[0].headers.get("authorization") == shown


async def test_offline_nothing_is_asked(tmp_path: Path) -> None:
    async with upstream(LISTED) as qwen:
        (offering,) = await found(tmp_path, upstream=qwen.base_url)
        assert (offering.listed, offering.error, offering.entries) == (None, "", [])
        assert qwen.asked == []


REFUSED = {
    "a wrong key": (whole({"error": {"message": "Incorrect API key.", "code": "invalid_api_key"}}, 401), "key"),
    "a page": (whole(b"<html>", content_type="text/html"), "list of models cannot be read"),
}


@pytest.mark.parametrize(("reply", "why"), REFUSED.values(), ids=REFUSED.keys())
async def test_an_upstream_that_does_not_list_says_why(reply: bytes, why: str, tmp_path: Path) -> None:
    async with upstream(reply) as qwen:
        (offering,) = await found(tmp_path, offline=False, upstream=qwen.base_url)
        assert offering.listed is None
        assert why in offering.error


async def test_each_credential_has_its_own(tmp_path: Path) -> None:
    Home(tmp_path).keep()
    key, login = await found(tmp_path, api_key="sk-1")
    assert [key.kind, login.kind] == ["api_key", "oauth"]
    assert "coder-model" in by_id(login)
    assert "coder-model" not in by_id(key)
    assert (login.others, login.others_with_images) == ("coder-model", "coder-model")


@pytest.mark.parametrize(("auth", "why"), [("oauth", "nobody is signed in"), ("api_key", "there is no key")])
async def test_who_is_not_signed_in_asks_nobody(auth: str, why: str, tmp_path: Path) -> None:
    (offering,) = await found(tmp_path, offline=False, auth=auth, oauth_url="http://127.0.0.1:9")
    assert offering.error.startswith(f"Not asked: {why}")
    assert offering.entries


NAMES = '{"gpt-4o*": "qwen-max", "mine": "qwen-plus"}'


async def test_aliases_are_shown_with_what_they_lead_to(tmp_path: Path) -> None:
    (offering,) = await found(tmp_path, api_key="sk-1", models=NAMES)
    assert offering.names == {"gpt-4o*": "qwen-max", "mine": "qwen-plus"}
    assert offering.others == "qwen3.7-plus"
    assert "mine" not in by_id(offering)


WANTED: dict[str, tuple[tuple[str, ...], dict[str, str], list[str]]] = {
    "an alias": (("mine",), {"mine": "qwen-plus"}, ["qwen-plus"]),
    "by a wildcard of the operator's": (("gpt-4o-mini",), {"gpt-4o-mini": "qwen-max"}, ["qwen-max"]),
    "aliases by a wildcard of one's own": (("gpt*",), {"gpt-4o*": "qwen-max"}, ["qwen-max"]),
    "any name": (("gpt-5",), {"gpt-5": "qwen3.7-plus"}, ["qwen3.7-plus"]),
    "models by a wildcard": (("qwen3-coder*",), {}, ["qwen3-coder-plus", "qwen3-coder-flash"]),
    "a model that is in no list": (("qwen3.5-plus-2026-02-15",), {}, ["qwen3.5-plus-2026-02-15"]),
    "one that embeds": (
        ("text-embedding-3-small",),
        {"text-embedding-3-small": "text-embedding-v4"},
        ["text-embedding-v4"],
    ),
    "nothing of that kind": (("x*",), {}, []),
}


@pytest.mark.parametrize(("wanted", "names", "models"), WANTED.values(), ids=WANTED.keys())
async def test_names_that_are_asked_for_are_shown_with_their_models(
    wanted: tuple[str, ...], names: dict[str, str], models: list[str], tmp_path: Path
) -> None:
    (offering,) = await found(tmp_path, *wanted, api_key="sk-1", models=NAMES)
    assert (offering.names, list(by_id(offering))) == (names, models)
    assert offering.others == ""
