"""Where API keys come from, in which order, and which address each is for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy import plans, settings
from qwenproxy.auth import keys
from qwenproxy.auth.keys import FoundKey, find, plan_of_key

CODING = "https://coding.dashscope.aliyuncs.com/v1"
CODING_INTL = "https://coding-intl.dashscope.aliyuncs.com/v1"
TOKEN_INTL = "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1"
BEIJING = "https://dashscope.aliyuncs.com/compatible-mode/v1"
SINGAPORE = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"


class Place:
    """A user's machine: the environment, and what is in the home folder."""

    def __init__(self, home: Path) -> None:
        self.environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        self.file = home / ".qwen" / "settings.json"
        self.notes: list[str] = []

    def qwen_code(self, value: Any, mode: int = 0o600) -> None:
        """Let Qwen Code's settings be *value*, or these bytes."""
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(value if isinstance(value, bytes) else orjson.dumps(value))
        self.file.chmod(mode)

    def keys(self, **environ: str) -> list[FoundKey]:
        self.environ |= environ
        self.notes.clear()
        return find(settings.load(self.environ, self.file.parents[1]), self.environ, self.notes.append)

    def found(self, **environ: str) -> list[tuple[str, str, str]]:
        """What is found, with the file's path left out."""
        told = [(found.key.reveal(), found.base_url, found.source) for found in self.keys(**environ)]
        return [(key, base_url, source.replace(f"{self.file}: ", "file: ")) for key, base_url, source in told]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def provider(*models: tuple[str, str], protocol: str = "openai") -> dict[str, Any]:
    """The setting `modelProviders` of models with these variables and addresses."""
    return {protocol: [{"id": "m", "envKey": variable, "baseUrl": base_url} for variable, base_url in models]}


def test_there_may_be_no_key_at_all(place: Place) -> None:
    assert place.found() == []
    assert place.notes == []


def test_the_strongest_place_comes_first(place: Place) -> None:
    place.qwen_code({"env": {"BAILIAN_CODING_PLAN_API_KEY": "sk-sp-file"}})
    assert place.found(
        QWENPROXY_API_KEY="sk-own", DASHSCOPE_API_KEY="sk-shared", BAILIAN_TOKEN_PLAN_API_KEY="sk-sp-token"
    ) == [
        ("sk-own", BEIJING, "QWENPROXY_API_KEY"),
        ("sk-shared", BEIJING, "DASHSCOPE_API_KEY"),
        ("sk-sp-token", plans.TOKEN_PLAN.base_url, "BAILIAN_TOKEN_PLAN_API_KEY"),
        ("sk-sp-file", CODING, "file: env.BAILIAN_CODING_PLAN_API_KEY"),
    ]


def test_a_key_file_counts_as_the_setting(place: Place, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-sp-filed\n")
    found = place.found(QWENPROXY_API_KEY_FILE=str(tmp_path / "key"))
    assert found == [("sk-sp-filed", CODING, "QWENPROXY_API_KEY_FILE")]


VARIABLES = [(plan.name, variable, plan.base_url) for plan in plans.VENDORS for variable in plan.variables]


@pytest.mark.parametrize(("variable", "base_url"), [row[1:] for row in VARIABLES], ids=[row[0] for row in VARIABLES])
def test_each_of_the_vendors_variables_is_read(place: Place, variable: str, base_url: str) -> None:
    assert place.found(**{variable: " key-1 "}) == [("key-1", base_url, variable)]
    assert place.found(**{variable: ""}) == []


def test_a_key_that_is_said_twice_is_found_once(place: Place) -> None:
    place.qwen_code({"env": {"DASHSCOPE_API_KEY": "sk-1"}})
    found = place.found(QWENPROXY_API_KEY="sk-1", DASHSCOPE_API_KEY="sk-1")
    assert found == [("sk-1", BEIJING, "QWENPROXY_API_KEY")]


def test_a_named_upstream_is_where_the_keys_go(place: Place) -> None:
    found = place.found(QWENPROXY_UPSTREAM=f"{SINGAPORE}/", DASHSCOPE_API_KEY="sk-1", QWENCLOUD_API_KEY="sk-2")
    assert found == [("sk-1", SINGAPORE, "DASHSCOPE_API_KEY"), ("sk-2", SINGAPORE, "QWENCLOUD_API_KEY")]


def test_somebody_elses_server_gets_the_one_key_of_the_settings_only(place: Place) -> None:
    place.qwen_code({"env": {"K": "sk-file"}, "modelProviders": provider(("K", SINGAPORE))})
    gateway = "https://gateway.test/v1"
    environ = {"DASHSCOPE_API_KEY": "sk-1", "QWENCLOUD_API_KEY": "sk-2"}
    assert place.found(QWENPROXY_UPSTREAM=gateway, **environ) == [("sk-1", gateway, "DASHSCOPE_API_KEY")]


IN_FILE: dict[str, tuple[Mapping[str, Any], list[tuple[str, str, str]]]] = {
    "a Coding Plan abroad": (
        {
            "env": {"BAILIAN_CODING_PLAN_API_KEY": "sk-sp-1"},
            "modelProviders": provider(("BAILIAN_CODING_PLAN_API_KEY", CODING_INTL)),
        },
        [("sk-sp-1", CODING_INTL, "file: modelProviders.openai[0], env.BAILIAN_CODING_PLAN_API_KEY")],
    ),
    "a Token Plan abroad": (
        {"env": {"K": "sk-sp-1"}, "modelProviders": provider(("K", TOKEN_INTL))},
        [("sk-sp-1", TOKEN_INTL, "file: modelProviders.openai[0], env.K")],
    ),
    "a sign-in with a key": (
        {"security": {"auth": {"selectedType": "openai", "apiKey": "sk-1", "baseUrl": f"{SINGAPORE}/"}}},
        [("sk-1", SINGAPORE, "file: security.auth.apiKey")],
    ),
    "other faces of the same host": (
        {
            "env": {"A": "sk-1", "B": "sk-sp-2"},
            "modelProviders": provider(
                ("A", "https://dashscope-us.aliyuncs.com/api/v1"),
                ("B", "https://coding.dashscope.aliyuncs.com/apps/anthropic"),
                protocol="anthropic",
            ),
        },
        [
            ("sk-1", plans.INTERNATIONAL.base_urls[1], "file: modelProviders.anthropic[0], env.A"),
            ("sk-sp-2", CODING, "file: modelProviders.anthropic[1], env.B"),
        ],
    ),
    "keys of other vendors": (
        {
            "env": {"OPENROUTER_API_KEY": "sk-or-1", "OPENAI_API_KEY": "sk-2", "MY_DASHSCOPE_API_KEY": "sk-3"},
            "modelProviders": provider(
                ("OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"), ("OPENAI_API_KEY", "https://api.openai.com/v1")
            ),
        },
        [],
    ),
    "addresses that cannot be used": (
        {
            "env": {"K": "sk-1"},
            "modelProviders": provider(
                ("K", "http://dashscope.aliyuncs.com/v1"),
                ("K", "dashscope"),
                ("K", "https://a:b@dashscope.aliyuncs.com"),
            ),
        },
        [],
    ),
    "no address": ({"env": {"K": "sk-1"}, "modelProviders": {"openai": [{"envKey": "K"}]}}, []),
}


@pytest.mark.parametrize(("value", "expected"), IN_FILE.values(), ids=IN_FILE.keys())
def test_qwen_codes_keys_go_where_qwen_code_sends_them_if_that_is_qwens(
    place: Place, value: Mapping[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    place.qwen_code(value)
    assert place.found() == expected
    assert place.notes == []


def test_a_key_that_qwen_codes_settings_name_may_be_in_the_environment(place: Place) -> None:
    place.qwen_code({"modelProviders": provider(("MY_KEY", SINGAPORE))})
    assert place.found(MY_KEY="sk-1") == [("sk-1", SINGAPORE, "MY_KEY")]


def test_another_host_gets_qwen_codes_key_if_the_user_vouches_for_it(place: Place) -> None:
    place.qwen_code({"env": {"K": "key"}, "modelProviders": provider(("K", "https://qwen.example.com/v1"))})
    assert place.found() == []
    found = place.found(QWENPROXY_ALLOWED_HOSTS="*.example.com")
    assert found == [("key", "https://qwen.example.com/v1", "file: modelProviders.openai[0], env.K")]


def test_of_qwen_codes_keys_a_named_upstream_gets_those_for_its_host(place: Place) -> None:
    place.qwen_code(
        {"env": {"A": "sk-1", "B": "sk-sp-2"}, "modelProviders": provider(("A", SINGAPORE), ("B", CODING_INTL))}
    )
    found = place.found(QWENPROXY_UPSTREAM=CODING_INTL)
    assert found == [("sk-sp-2", CODING_INTL, "file: modelProviders.openai[1], env.B")]


def test_qwen_home_moves_the_file(place: Place, tmp_path: Path) -> None:
    place.qwen_code({"env": {"DASHSCOPE_API_KEY": "sk-1"}})
    assert len(place.found()) == 1
    assert place.found(QWEN_HOME=str(tmp_path / "elsewhere")) == []


def test_a_broken_file_is_noted_and_the_other_places_hold(place: Place) -> None:
    place.qwen_code(b'{"env": {"DASHSCOPE_API_KEY": "sk-secret"')
    assert place.found(QWENCLOUD_API_KEY="sk-1") == [("sk-1", plans.QWEN_CLOUD.base_url, "QWENCLOUD_API_KEY")]
    (note,) = place.notes
    assert note.startswith(f"{place.file}: it is no JSON: ")
    assert note.endswith("; the keys in it are not used.")
    assert "secret" not in note


def test_a_file_with_a_key_that_others_may_read_is_noted(place: Place) -> None:
    place.qwen_code({"env": {"DASHSCOPE_API_KEY": "sk-1"}}, mode=0o644)
    assert len(place.found()) == 1
    assert place.notes == [f"{place.file}: others may read it, and there is an API key in it: chmod 600 {place.file}"]
    place.qwen_code({"env": {"OPENROUTER_API_KEY": "sk-1"}}, mode=0o644)
    assert place.found() == []
    assert place.notes == []


def test_a_key_that_no_header_can_carry_is_noted_and_not_shown(place: Place) -> None:
    place.qwen_code({"env": {"DASHSCOPE_API_KEY": "sk-sec ret", "BAILIAN_CODING_PLAN_API_KEY": "sk-sp-1"}})
    assert [found.key.reveal() for found in place.keys(QWENCLOUD_API_KEY="sk-\udcff")] == ["sk-sp-1"]
    assert place.notes == [
        "QWENCLOUD_API_KEY: it holds a character that a key cannot have; it is not used.",
        f"{place.file}: env.DASHSCOPE_API_KEY: it holds a character that a key cannot have; it is not used.",
    ]


def test_nothing_that_is_found_shows_its_key(place: Place) -> None:
    place.qwen_code({"env": {"DASHSCOPE_API_KEY": "sk-file"}})
    shown = repr(place.keys(QWENPROXY_API_KEY="sk-own", BAILIAN_CODING_PLAN_API_KEY="sk-sp-plan"))
    assert "QWENPROXY_API_KEY" in shown
    assert not [key for key in ("sk-file", "sk-own", "sk-sp-plan") if key in shown]
    search = keys.Search(settings.Settings(), place.environ, place.notes.append)
    assert "sk-own" not in repr(search)


def test_without_anybody_to_tell_nothing_is_raised_either(place: Place) -> None:
    place.qwen_code(b"{")
    assert find(settings.Settings(), place.environ) == []


KEYS = [
    ("sk-sp-abc", "", plans.CODING_PLAN.name, "https://coding.dashscope.aliyuncs.com/v1"),
    ("sk-sp-abc", "BAILIAN_CODING_PLAN_API_KEY", plans.CODING_PLAN.name, plans.CODING_PLAN.base_url),
    ("sk-sp-abc", "BAILIAN_TOKEN_PLAN_API_KEY", plans.TOKEN_PLAN.name, plans.TOKEN_PLAN.base_url),
    ("sk-sp-abc", "DASHSCOPE_API_KEY", plans.CODING_PLAN.name, plans.CODING_PLAN.base_url),
    ("sk-sp-H.a.b.c", "", plans.TOKEN_PLAN.name, plans.TOKEN_PLAN.base_url),
    ("sk-sp-D.a.b.c", "DASHSCOPE_API_KEY", plans.TOKEN_PLAN.name, plans.TOKEN_PLAN.base_url),
    ("sk-sp-H.a.b.c", "BAILIAN_CODING_PLAN_API_KEY", plans.CODING_PLAN.name, plans.CODING_PLAN.base_url),
    ("sk-abc", "", plans.STANDARD.name, "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ("sk-ws-H.ws7.x.y", "", plans.WORKSPACE.name, "https://ws7.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"),
    ("tp-1", "BAILIAN_TOKEN_PLAN_API_KEY", plans.TOKEN_PLAN.name, plans.TOKEN_PLAN.base_url),
    ("sk-1", "BAILIAN_CODING_PLAN_API_KEY", plans.CODING_PLAN.name, plans.CODING_PLAN.base_url),
    ("sk-1", "QWEN_AI_PLATFORM_API_KEY", plans.QIANWEN.name, plans.STANDARD.base_url),
    ("sk-1", "QWENCLOUD_API_KEY", plans.QWEN_CLOUD.name, "https://maas.qwencloudapi.com/compatible-mode/v1"),
    ("sk-1", "DASHSCOPE_API_KEY", plans.STANDARD.name, plans.STANDARD.base_url),
    ("anything", "", plans.STANDARD.name, plans.STANDARD.base_url),
]


@pytest.mark.parametrize(("key", "variable", "name", "base_url"), KEYS, ids=[f"{row[0]} {row[1]}" for row in KEYS])
def test_a_key_alone_tells_where_to_try_it(key: str, variable: str, name: str, base_url: str) -> None:
    plan = plan_of_key(key, variable)
    assert (plan.name, plan.base_url) == (name, base_url)
