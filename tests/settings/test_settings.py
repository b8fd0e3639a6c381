"""The table of settings, and what environment, file and options make of it."""

import logging
import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, fields
from pathlib import Path
from typing import Any

import pytest

from qwenproxy.settings import ROWS, Settings, load, readme_table
from qwenproxy.settings.values import Secret

DEFAULTS = {
    "upstream": "",
    "dialect": "auto",
    "auth": "auto",
    "api_key": Secret(),
    "api_key_file": "",
    "hosts": ("api.openai.com", "*.api.openai.com"),
    "default_model": "",
    "models": {},
    "client_keys": (),
    "client_keys_file": "",
    "allow_remote": False,
    "cors_origins": (),
    "unsupported": "drop",
    "cache_markers": False,
    "reasoning": "show",
    "allowed_hosts": (),
    "log_format": "text",
    "heartbeat": 15.0,
    "idle_timeout": 300.0,
    "credentials": "~/.qwen/oauth_creds.json",
    "oauth_url": "https://chat.qwen.ai",
    "oauth_client_id": "f0304373b74a44d2b584a3fb70ca9e56",
    "oauth_scope": "openid profile email model.completion",
    "refresh_lead": 300.0,
    "rate_limit": "",
    "body_limit": 64 * 1024 * 1024,
    "view_limit": 1024 * 1024,
    "view_memory": 256 * 1024 * 1024,
    "tools": (),
    "tools_on_request": (),
    "client_tools": {},
    "tool_sources": (),
    "mcp_servers": "",
    "fetch_hosts": (),
    "state": "",
    "state_password": Secret(),
    "state_keys": (),
    "state_keys_file": "",
    "state_lifetime": 30 * 86_400.0,
    "state_limit": 1024**3,
    "connections": 8192,
    "client_connections": 4096,
    "streams": 100,
    "header_limit": 64 * 1024,
    "header_lines": 200,
    "buffer_limit": 512 * 1024**2,
    "memory_limit": 2 * 1024**3,
    "exchanges": 1024,
    "client_exchanges": 512,
    "queue": 512,
    "queue_timeout": 30.0,
    "head_timeout": 60.0,
    "body_timeout": 300.0,
    "keepalive_timeout": 900.0,
    "opening_timeout": 600.0,
    "exchange_timeout": 3600.0,
    "stall_timeout": 600.0,
    "websockets": True,
    "metrics": True,
    "usage": "",
    "usage_lifetime": 400 * 86_400.0,
    "otel": False,
    "otel_content": False,
    "drain_timeout": 30.0,
    "tool_timeout": 30.0,
    "tool_output_limit": 64 * 1024,
    "tool_concurrency": 8,
    "log_tool_arguments": False,
    "tool_rounds": 10,
    "tool_time": 120.0,
    "tool_tokens": 1_000_000,
    "tool_notes": "hide",
}

GIVEN: list[tuple[str, str, str, Any]] = [  # name, in a variable, in the file, what it comes to
    ("upstream", "https://h.example/v1/", '"https://h.example/v1/"', "https://h.example/v1"),
    ("dialect", "compatible", '"compatible"', "compatible"),
    ("auth", "none", '"none"', "none"),
    ("hosts", "a.example, *.b.example", '["a.example", "*.b.example"]', ("a.example", "*.b.example")),
    ("default_model", "qwen3.7-plus", '"qwen3.7-plus"', "qwen3.7-plus"),
    ("models", '{"gpt-4.1*": "qwen3.7-plus"}', '{"gpt-4.1*" = "qwen3.7-plus"}', {"gpt-4.1*": "qwen3.7-plus"}),
    ("api_key", "sk-1", '"sk-1"', Secret("sk-1")),
    ("client_keys", "one,two", '["one", "two"]', (Secret("one"), Secret("two"))),
    ("cors_origins", "https://a.example", '["https://a.example"]', ("https://a.example",)),
    ("unsupported", "refuse", '"refuse"', "refuse"),
    ("cache_markers", "true", "true", True),
    ("reasoning", "hide", '"hide"', "hide"),
    ("allowed_hosts", "*.corp.example", '["*.corp.example"]', ("*.corp.example",)),
    ("log_format", "json", '"json"', "json"),
    ("heartbeat", "2.5", "2.5", 2.5),
    ("idle_timeout", "60", "60", 60.0),
    ("oauth_url", "https://id.example/", '"https://id.example/"', "https://id.example"),
    ("oauth_client_id", "me", '"me"', "me"),
    ("oauth_scope", "openid", '"openid"', "openid"),
    ("refresh_lead", "60", "60", 60.0),
    ("rate_limit", "5/second", '"5/second"', "5/second"),
    ("body_limit", "1 MiB", "1048576", 1024 * 1024),
    ("view_limit", "2 KiB", "2048", 2048),
    ("view_memory", "1 GiB", "1073741824", 1024**3),
    ("tools", "calculate,files__*", '["calculate", "files__*"]', ("calculate", "files__*")),
    ("tools_on_request", "*", '["*"]', ("*",)),
    ("mcp_servers", '{"a": {"command": "x"}}', '{a = {command = "x"}}', '{"a": {"command": "x"}}'),
    ("fetch_hosts", "A.example", '["a.example"]', ("a.example",)),
    ("state", "memory", '"memory"', "memory"),
    ("state", "redis://h:1/2", '"redis://h:1/2"', "redis://h:1/2"),
    ("state_password", "pw", '"pw"', Secret("pw")),
    ("state_lifetime", "90m", '"1.5h"', 5_400.0),
    ("state_limit", "2m", '"2048k"', 2 * 1024**2),
    ("connections", "9", "9", 9),
    ("client_connections", "9", "9", 9),
    ("streams", "9", "9", 9),
    ("header_limit", "1k", "1024", 1024),
    ("header_lines", "9", "9", 9),
    ("buffer_limit", "1m", "1048576", 1024**2),
    ("memory_limit", "1g", "1073741824", 1024**3),
    ("exchanges", "9", "9", 9),
    ("client_exchanges", "9", "9", 9),
    ("queue", "9", "9", 9),
    ("queue_timeout", "9", "9", 9.0),
    ("head_timeout", "9", "9", 9.0),
    ("body_timeout", "9", "9", 9.0),
    ("keepalive_timeout", "9", "9", 9.0),
    ("opening_timeout", "9", "9", 9.0),
    ("exchange_timeout", "9", "9", 9.0),
    ("stall_timeout", "9", "9", 9.0),
    ("websockets", "off", "false", False),
    ("metrics", "off", "false", False),
    ("usage", "off", '"off"', "off"),
    ("usage_lifetime", "90d", '"2160h"', 7_776_000.0),
    ("otel", "on", "true", True),
    ("otel_content", "yes", "true", True),
    ("drain_timeout", "5", "5", 5.0),
    ("state_keys", f"{'a' * 32},{'b' * 32}", f'["{"a" * 32}", "{"b" * 32}"]', (Secret("a" * 32), Secret("b" * 32))),
    ("tool_timeout", "7.5", "7.5", 7.5),
    ("tool_output_limit", "1k", "1024", 1024),
    ("tool_concurrency", "3", "3", 3),
    ("log_tool_arguments", "yes", "true", True),
    ("tool_rounds", "3", "3", 3),
    ("tool_time", "7.5", "7.5", 7.5),
    ("tool_tokens", "5000", "5000", 5000),
    ("tool_notes", "Reasoning", '"reasoning"', "reasoning"),
]


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "cwd"
    folder.mkdir()
    return folder


type Texts = Mapping[str, str]


def read(cwd: Path, environ: Texts | None = None, given: Mapping[str, object] | None = None) -> Settings:
    """As loaded in *cwd*, with options *given*."""
    return load({"HOME": str(cwd.parent)} | dict(environ or {}), cwd, given)


def complaint(cwd: Path, environ: Texts | None = None, given: Mapping[str, object] | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        read(cwd, environ, given)
    return str(caught.value)


def write(cwd: Path, text: str) -> Path:
    file = cwd / "qwenproxy.toml"
    file.write_text(text)
    return file


def test_the_defaults(cwd: Path) -> None:
    found = read(cwd)
    assert found == Settings()
    assert {name: getattr(found, name) for name in ROWS} == DEFAULTS
    assert (found.sources, found.notes) == ({}, ())


def test_every_field_is_a_row_or_says_how_it_was_read() -> None:
    assert {field.name for field in fields(Settings)} == {*ROWS, "sources", "notes"}


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().__setattr__("auth", "none")


@pytest.mark.parametrize(("name", "variable", "key", "value"), GIVEN, ids=[row[0] for row in GIVEN])
def test_each_setting_is_read_from_every_place(cwd: Path, name: str, variable: str, key: str, value: object) -> None:
    from_variable = read(cwd, {f"QWENPROXY_{name.upper()}": variable})
    assert getattr(from_variable, name) == value
    assert from_variable.sources == {name: f"QWENPROXY_{name.upper()}"}
    from_option = read(cwd, given={name: variable})
    assert getattr(from_option, name) == value
    assert from_option.sources == {name: f"option qwen_{name}"}
    file = write(cwd, f"{name} = {key}\n")
    from_file = read(cwd)
    assert getattr(from_file, name) == value
    assert from_file.sources == {name: f"{file}: {name}"}


def test_option_over_environment_over_file_over_default(cwd: Path) -> None:
    environ = {"QWENPROXY_HEARTBEAT": "3"}
    assert read(cwd).heartbeat == 15
    write(cwd, "heartbeat = 2\n")
    assert read(cwd).heartbeat == 2
    assert read(cwd, environ).heartbeat == 3
    assert read(cwd, environ, {"heartbeat": "4"}).heartbeat == 4
    assert read(cwd, environ, {"heartbeat": "15"}).heartbeat == 15


@pytest.mark.parametrize("name", [name for name, *_ in GIVEN])
def test_a_wrong_value_names_its_place_and_what_is_expected(cwd: Path, name: str) -> None:
    wrong = "\x00" if name == "default_model" else "no good, really: \x00"
    expected = ROWS[name].kind.expected
    assert complaint(cwd, {f"QWENPROXY_{name.upper()}": wrong}).startswith(
        f"QWENPROXY_{name.upper()}: expected {expected}"
    )
    assert complaint(cwd, given={name: wrong}).startswith(f"option qwen_{name}: expected {expected}")
    file = write(cwd, f"{name} = 1979-05-27\n")
    assert complaint(cwd).startswith(f"{file}: {name}: expected {expected}")


def test_a_wrong_value_is_quoted_unless_it_may_be_a_secret(cwd: Path) -> None:
    assert complaint(cwd, {"QWENPROXY_HEARTBEAT": "soon"}).endswith(", not 'soon'")
    for name in ("api_key", "client_keys", "upstream"):
        assert "hush" not in complaint(cwd, {f"QWENPROXY_{name.upper()}": "https://hush hush"})


def test_two_tables_of_models_in_toml(cwd: Path) -> None:
    write(cwd, 'auth = "none"\n[models]\n"gpt-4*" = "qwen3.7-plus"\no3 = "qwen3-max"\n')
    assert list(read(cwd).models.items()) == [("gpt-4*", "qwen3.7-plus"), ("o3", "qwen3-max")]
    write(cwd, '[models]\ngpt-4.1 = "qwen3.7-plus"\n')
    assert "a name with a dot must be in quotes" in complaint(cwd)


@pytest.mark.parametrize("variable", ["DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY", "BAILIAN_TOKEN_PLAN_API_KEY"])
def test_the_key_may_be_where_other_programs_look(cwd: Path, variable: str) -> None:
    found = read(cwd, {variable: "sk-1"})
    assert (found.api_key, found.sources["api_key"]) == (Secret("sk-1"), variable)
    write(cwd, 'api_key = "sk-file"\n')
    assert read(cwd, {variable: "sk-1"}).api_key == Secret("sk-1")
    assert read(cwd, {variable: "sk-1", "QWENPROXY_API_KEY": "sk-own"}).api_key == Secret("sk-own")


def test_of_several_keys_the_first_is_used_and_that_is_said(cwd: Path) -> None:
    found = read(cwd, {"BAILIAN_CODING_PLAN_API_KEY": "sk-2", "DASHSCOPE_API_KEY": "sk-1"})
    assert found.api_key == Secret("sk-1")
    assert found.notes == ("DASHSCOPE_API_KEY is used, BAILIAN_CODING_PLAN_API_KEY is not",)
    assert read(cwd, {"BAILIAN_CODING_PLAN_API_KEY": "sk-1", "DASHSCOPE_API_KEY": "sk-1"}).notes == ()


def test_the_key_may_be_in_a_file(cwd: Path) -> None:
    (cwd / "key").write_text("sk-file\n")
    found = read(cwd, {"QWENPROXY_API_KEY_FILE": "key"})
    assert (found.api_key, found.api_key_file) == (Secret("sk-file"), str(cwd / "key"))
    assert found.sources["api_key"] == found.sources["api_key_file"] == "QWENPROXY_API_KEY_FILE"


def test_a_path_in_the_file_of_settings_is_relative_to_it(cwd: Path) -> None:
    (cwd.parent / "conf").mkdir()
    (cwd.parent / "conf/key").write_text("sk-file")
    (cwd.parent / "conf/q.toml").write_text('api_key_file = "key"\n')
    assert read(cwd, {"QWENPROXY_CONFIG": "~/conf/q.toml"}).api_key == Secret("sk-file")


def test_of_key_and_key_file_the_stronger_place_wins(cwd: Path) -> None:
    (cwd / "key").write_text("sk-file")
    shared, own = {"DASHSCOPE_API_KEY": "sk-1"}, {"QWENPROXY_API_KEY": "sk-2"}
    file = {"QWENPROXY_API_KEY_FILE": "key"}
    assert read(cwd, shared | file).api_key == Secret("sk-file")
    assert read(cwd, own, {"api_key_file": "key"}).api_key == Secret("sk-file")
    assert complaint(cwd, own | file) == "QWENPROXY_API_KEY, QWENPROXY_API_KEY_FILE: give one of the two"
    write(cwd, 'api_key_file = "key"\n')
    found = read(cwd, shared)
    assert (found.api_key, found.api_key_file) == (Secret("sk-1"), "")
    assert read(cwd).api_key == Secret("sk-file")
    assert read(cwd, {}, {"api_key_file": ""}).api_key == Secret()


@pytest.mark.parametrize(("text", "reason"), [("", "no key in it"), ("two words", "character")], ids=["empty", "two"])
def test_a_key_file_without_one_key_is_refused(cwd: Path, text: str, reason: str) -> None:
    (cwd / "key").write_text(text)
    found = complaint(cwd, {"QWENPROXY_API_KEY_FILE": "key"})
    assert found.startswith("QWENPROXY_API_KEY_FILE: ")
    assert reason in found
    assert "words" not in found


def test_client_keys_of_both_places_hold(cwd: Path) -> None:
    (cwd / "keys").write_text("# of the team\nanne\nbob\n")
    both = read(cwd, {"QWENPROXY_CLIENT_KEYS": "carl", "QWENPROXY_CLIENT_KEYS_FILE": "keys"})
    assert [key.reveal() for key in both.client_keys] == ["carl", "anne", "bob"]
    assert [key.reveal() for key in read(cwd, {}, {"client_keys_file": "keys"}).client_keys] == ["anne", "bob"]


@pytest.mark.parametrize("text", [None, "", "# nobody\n\n"], ids=["missing", "empty", "comments"])
def test_a_client_key_file_without_keys_does_not_open_the_proxy(cwd: Path, text: str | None) -> None:
    if text is not None:
        (cwd / "keys").write_text(text)
    assert complaint(cwd, {"QWENPROXY_CLIENT_KEYS_FILE": "keys"}).startswith("QWENPROXY_CLIENT_KEYS_FILE: ")


@pytest.mark.parametrize(
    ("upstream", "allowed", "fine"),
    [
        ("https://qwen.corp.example/v1", "", True),
        ("http://127.0.0.1:8000/v1", "", True),
        ("http://localhost/v1", "", True),
        ("http://[::1]:8000/v1", "", True),
        ("http://qwen.corp.example/v1", "", False),
        ("http://127.0.0.1.example.com/v1", "", False),
        ("http://qwen.corp.example:8000/v1", "qwen.corp.example", True),
        ("http://qwen.corp.example/v1", "*.corp.example", True),
        ("http://10.0.0.1/v1", "10.0.0.1", True),
        ("http://qwen.corp.example/v1", "corp.example", False),
    ],
)
def test_plain_http_needs_loopback_or_an_allowed_host(cwd: Path, upstream: str, allowed: str, fine: bool) -> None:
    environ = {"QWENPROXY_UPSTREAM": upstream, "QWENPROXY_ALLOWED_HOSTS": allowed}
    if fine:
        assert read(cwd, environ).upstream == upstream
    else:
        assert complaint(cwd, environ).startswith("QWENPROXY_UPSTREAM: expected https://; http:// to")


def test_an_upstream_that_goes_on_to_the_call_is_cut_and_that_is_said(cwd: Path) -> None:
    found = read(cwd, {}, {"upstream": "https://h.example/v1/chat/completions"})
    assert found.upstream == "https://h.example/v1"
    assert found.notes == (
        "option qwen_upstream: /chat/completions taken off its end: the upstream is https://h.example/v1",
    )
    assert read(cwd, {}, {"upstream": "https://h.example/v1"}).notes == ()


def test_listening_to_others_needs_client_keys(cwd: Path) -> None:
    assert complaint(cwd, {"QWENPROXY_ALLOW_REMOTE": "yes"}).startswith("QWENPROXY_ALLOW_REMOTE: needs client_keys")
    assert read(cwd, {"QWENPROXY_ALLOW_REMOTE": "yes", "QWENPROXY_CLIENT_KEYS": "a"}).allow_remote


def test_unknown_names_are_refused(cwd: Path) -> None:
    assert "QWENPROXY_HOSTS" in complaint(cwd, {"QWENPROXY_HOST": "a"})
    assert "qwen_hosts" in complaint(cwd, {}, {"host": "a"})


def test_secrets_are_not_shown(cwd: Path) -> None:
    found = read(cwd, {"QWENPROXY_API_KEY": "sk-hush", "QWENPROXY_CLIENT_KEYS": "hush-1,hush-2"})
    for shown in (repr(found), str(found), str(asdict(found)), f"{found}"):
        assert "hush" not in shown
    assert "hush" not in logging.LogRecord("x", logging.INFO, "x", 1, "%s", (found,), None).getMessage()


def test_reading_settings_does_not_look_at_the_process(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPROXY_AUTH", "none")
    assert read(cwd).auth == "auto"


def test_the_readmes_table_has_a_row_for_each_setting() -> None:
    lines = readme_table().splitlines()
    assert lines[:2] == ["| setting | default | meaning |", "|---|---|---|"]
    assert re.findall(r"^\| `(\w+)` \|", readme_table(), re.MULTILINE) == list(ROWS)
    assert {line.count(" | ") for line in lines} == {2, 0}
    assert "`DASHSCOPE_API_KEY`" in readme_table()
