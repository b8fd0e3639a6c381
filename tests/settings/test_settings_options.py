"""The table of settings as mitmproxy options."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from mitmproxy.optmanager import OptManager

from qwenproxy.settings import ROWS, Settings, load, options

TEXTS = {
    "upstream": "https://h.example/v1",
    "dialect": "compatible",
    "auth": "none",
    "api_key_file": "key",
    "hosts": "a.example,*.b.example",
    "default_model": "qwen3.7-plus",
    "models": '{"gpt-4.1*": "qwen3.7-plus"}',
    "client_keys_file": "keys",
    "allow_remote": "true",
    "cors_origins": "https://a.example",
    "unsupported": "refuse",
    "cache_markers": "true",
    "reasoning": "hide",
    "allowed_hosts": "*.corp.example",
    "log_format": "json",
    "heartbeat": "2.5",
    "idle_timeout": "60",
    "credentials": "login.json",
    "oauth_url": "https://id.example",
    "oauth_client_id": "me",
    "oauth_scope": "openid",
    "refresh_lead": "60",
    "rate_limit": "5/second",
    "body_limit": "1m",
    "view_limit": "2k",
    "view_memory": "1g",
    "tools": "calculate,files__*",
    "tools_on_request": "*",
    "tool_sources": "weather",
    "fetch_hosts": "a.example",
    "state": "memory",
    "state_keys_file": "long",
    "state_lifetime": "90m",
    "state_limit": "2m",
    "connections": "9",
    "client_connections": "9",
    "streams": "9",
    "header_limit": "1k",
    "header_lines": "9",
    "buffer_limit": "1m",
    "memory_limit": "1g",
    "exchanges": "9",
    "client_exchanges": "9",
    "queue": "9",
    "queue_timeout": "9",
    "head_timeout": "9",
    "body_timeout": "9",
    "keepalive_timeout": "9",
    "opening_timeout": "9",
    "exchange_timeout": "9",
    "stall_timeout": "9",
    "websockets": "false",
    "metrics": "false",
    "usage": "off",
    "usage_lifetime": "90d",
    "otel": "true",
    "otel_content": "true",
    "drain_timeout": "5",
    "tool_timeout": "7.5",
    "tool_output_limit": "1k",
    "tool_concurrency": "3",
    "log_tool_arguments": "true",
    "tool_rounds": "3",
    "tool_time": "7.5",
    "tool_tokens": "5000",
    "tool_notes": "reasoning",
}
"""For each option, a text that is not its default."""

SECRET = {"api_key", "client_keys", "client_tools", "mcp_servers", "state_keys", "state_password"}


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text("sk-1")
    (tmp_path / "keys").write_text("one\ntwo")
    (tmp_path / "long").write_text("k" * 32)
    return tmp_path


def read(cwd: Path, environ: Mapping[str, str], given: Mapping[str, object]) -> Settings:
    """As loaded in *cwd*, with options *given*."""
    return load({"HOME": str(cwd)} | dict(environ), cwd, given)


@pytest.fixture
def manager() -> OptManager:
    """mitmproxy's own keeper of options, with ours declared."""
    made = OptManager()
    for option in options():
        made.add_option(*option)
    return made


def test_every_setting_but_the_secret_ones_is_an_option(manager: OptManager) -> None:
    assert set(manager.keys()) == {f"qwen_{name}" for name in TEXTS}
    assert set(ROWS) - set(TEXTS) == SECRET
    assert {name for name, row in ROWS.items() if row.secret} == SECRET
    assert all("\n" not in option.help and option.help.endswith(".") for option in options())


def values_of(manager: OptManager) -> dict[str, object]:
    return {option.name.removeprefix("qwen_"): getattr(manager, option.name) for option in options()}


@pytest.mark.parametrize(("name", "text"), TEXTS.items(), ids=TEXTS)
def test_an_option_is_set_as_on_mitmproxys_command_line(cwd: Path, manager: OptManager, name: str, text: str) -> None:
    manager.set(f"qwen_{name}={text}")
    environ = {"QWENPROXY_CLIENT_KEYS": "x"} if name == "allow_remote" else {}
    found = read(cwd, environ, values_of(manager))
    assert found == read(cwd, {**environ, f"QWENPROXY_{name.upper()}": text}, {})
    assert getattr(found, name) != getattr(Settings(), name)
    assert found.sources[name] == f"option qwen_{name}"


def test_options_that_nobody_touched_change_nothing(cwd: Path) -> None:
    """The options' defaults are what holds without them, so all may be passed."""
    environ = {f"QWENPROXY_{name.upper()}": text for name, text in TEXTS.items()} | {"QWENPROXY_CLIENT_KEYS": "x"}
    before = read(cwd, environ, {})
    manager = OptManager()
    for option in options(before):
        manager.add_option(*option)
    after = read(cwd, environ, values_of(manager))
    assert after == before
    assert after.sources == before.sources


def test_an_option_set_to_the_tables_default_still_overrides_the_environment(cwd: Path) -> None:
    environ = {"QWENPROXY_AUTH": "none", "QWENPROXY_HOSTS": "a.example"}
    manager = OptManager()
    for option in options(read(cwd, environ, {})):
        manager.add_option(*option)
    manager.set("qwen_auth=auto", "qwen_hosts=api.openai.com,*.api.openai.com")
    found = read(cwd, environ, values_of(manager))
    assert (found.auth, found.hosts) == ("auto", Settings().hosts)


def test_mitmproxy_itself_refuses_what_is_none_of_the_choices(manager: OptManager) -> None:
    assert {o.name: o.choices for o in options() if o.choices} == {
        "qwen_dialect": ["auto", "compatible", "dashscope", "contents"],
        "qwen_auth": ["auto", "oauth", "api_key", "none"],
        "qwen_unsupported": ["drop", "refuse"],
        "qwen_reasoning": ["show", "hide"],
        "qwen_log_format": ["text", "json"],
        "qwen_tool_notes": ["hide", "reasoning"],
    }
