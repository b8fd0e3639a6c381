"""mitmproxy's own options in its folder: each told with what it does to the proxy, and what to do."""

from pathlib import Path

import pytest
from mitmproxy.options import Options

from qwenproxy.commands.checks import options
from qwenproxy.commands.checks.findings import Finding
from qwenproxy.flows import guard


def found(folder: Path, yaml: str | None, name: str = "config.yaml") -> list[Finding]:
    if yaml is not None:
        (folder / name).write_text(yaml)
    return list(options.options(options.read(folder)))


@pytest.mark.parametrize("yaml", [None, "", "# nothing\n", "ssl_insecure: true\n", "http2: true\nproxyauth: null\n"])
def test_what_does_no_harm_is_well(tmp_path: Path, yaml: str | None) -> None:
    assert [each.level for each in found(tmp_path, yaml)] == ["ok"]


@pytest.mark.parametrize("yaml", ["proxyauth: secret\na: [\n", "a\n", "\x00", "- a\n"])
def test_what_mitmproxy_cannot_read_fails(tmp_path: Path, yaml: str) -> None:
    (finding,) = found(tmp_path, yaml)
    assert (finding.level, "\n" in finding.what, "secret" in finding.what) == ("fail", False, False)
    assert f"{tmp_path / 'config.yaml'} cannot be read" in finding.what


CLOSING = {
    "ignore_hosts": "[example.com]",
    "tcp_hosts": "[example.com]",
    "udp_hosts": "[example.com]",
    "allow_hosts": "[example.com]",
    "rawtcp": "true",
    "connection_strategy": "eager",
    "stream_large_bodies": "1m",
    "keep_host_header": "false",
    "proxy_debug": "true",
}


def test_every_option_that_is_refused_is_tried_here() -> None:
    assert CLOSING.keys() == guard.HOLES.keys() | {"allow_hosts"}


@pytest.mark.parametrize(("name", "value"), CLOSING.items())
def test_an_option_with_which_the_proxy_does_not_start_fails(tmp_path: Path, name: str, value: str) -> None:
    (finding,) = found(tmp_path, f"{name}: {value}\n", "config.yml")
    assert finding.level == "fail"
    assert finding.what.startswith(f"{tmp_path / 'config.yml'}: {name} ")
    assert "does not start" in finding.next


@pytest.mark.parametrize(("name", "safe"), [(name, row[0]) for name, row in guard.HOLES.items()])
def test_as_the_proxy_sets_it_none_of_them_is_refused(name: str, safe: object) -> None:
    assert guard.harm(name, safe) == ""


NOTED = {
    "server": "false",
    "http2": "false",
    "validate_inbound_headers": "false",
    "proxyauth": "user:secret",
    "certs": "[a.pem]",
    "save_stream_file": "/tmp/flows",
    "hardump": "/tmp/har",
    "scripts": "[a.py]",
    "modify_headers": "[/~q/x/y]",
    "modify_body": "[/~q/x/y]",
    "map_remote": "[/~q/x/y]",
    "map_local": "[/~q/x/y]",
    "mode": "[regular]",
    "confdir": "/elsewhere",
    "qwen_upstream": "https://example.com/v1",
}


def test_every_option_that_is_noted_is_tried_here() -> None:
    assert NOTED.keys() == options.ODD.keys() | {"mode", "confdir", "qwen_upstream"}


@pytest.mark.parametrize(("name", "value"), NOTED.items())
def test_an_option_that_changes_what_the_proxy_does_is_noted(tmp_path: Path, name: str, value: str) -> None:
    (finding,) = found(tmp_path, f"{name}: {value}\n")
    assert finding.level == "warn"
    assert f": {name} " in finding.what
    assert finding.next.startswith("Remove it")
    assert "secret" not in finding.what


def test_what_an_option_usually_is_is_what_mitmproxy_has() -> None:
    known = Options()
    usual = {name: value for name, (value, _) in options.ODD.items() if name in known}
    assert {"server", "http2"} <= usual.keys()
    assert usual == {name: getattr(known, name) for name in usual}


def test_the_authority_is_where_the_options_say(tmp_path: Path) -> None:
    assert options.read(tmp_path).authority == tmp_path
    (tmp_path / "config.yaml").write_text(f"confdir: {tmp_path / 'other'}\n")
    assert options.read(tmp_path).authority == tmp_path / "other"
