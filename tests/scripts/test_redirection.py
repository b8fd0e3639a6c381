"""scripts/redirect: its rules and its words.  What the kernel makes of them is in tests/netns."""

import os
import socket
from pathlib import Path

import pytest

from scripts.redirection import proxy, rules
from scripts.redirection.__main__ import main
from scripts.redirection.rules import Scope

SCOPES = [
    (Scope(), "", ""),
    (Scope(user=1000), "meta skuid 1000 ", "-m owner --uid-owner 1000 "),
    (Scope(group=1001), "meta skgid 1001 ", "-m owner --gid-owner 1001 "),
    (Scope(cgroup="/a/b.scope/"), 'socket cgroupv2 level 2 "a/b.scope" ', '-m cgroup --path "a/b.scope" '),
]


@pytest.mark.parametrize(("scope", "nftables", "iptables"), SCOPES, ids=lambda value: str(value))
def test_the_rules_hold_for_whom_they_are_asked(scope: Scope, nftables: str, iptables: str) -> None:
    lines = [line.strip() for line in rules.nftables(scope, 8082).splitlines()]
    assert f"{nftables}tcp dport {{ 80, 443 }} counter redirect to :8082" in lines
    assert f"{nftables}udp dport 443 counter reject" in lines
    lines = rules.iptables(scope, 8082).splitlines()
    assert f"-A QWENPROXY {iptables}-p tcp -m multiport --dports 80,443 -j REDIRECT --to-ports 8082" in lines
    assert f"-A QWENPROXY {iptables}-p udp --dport 443 -j REJECT" in lines


def test_what_stays_on_the_machine_and_the_proxy_itself_come_before_them() -> None:
    for chain in rules.nftables(Scope(), 8082).split("chain ")[1:]:
        lines = [line.strip() for line in chain.splitlines()][2:5]
        assert lines[:2] == ['oifname "lo" accept', "meta skgid 60800 accept"]
        assert "dport" in lines[2]
    for table in rules.iptables(Scope(), 8082).split("COMMIT\n")[:2]:
        first, second, third = [line for line in table.splitlines() if line.startswith("-A")]
        assert first == "-A QWENPROXY -o lo -j RETURN"
        assert second == "-A QWENPROXY -m owner --gid-owner 60800 -j RETURN"
        assert "-j RE" in third


def test_the_table_is_owned_by_its_maker() -> None:
    """So that the kernel removes it with that process."""
    assert "flags owner" in rules.nftables(Scope(), 8082)


def test_the_proxy_listens_on_loopback_only_and_ends_with_the_script() -> None:
    words = proxy.command(8082, [socket.AF_INET, socket.AF_INET6], ["--set", "a=b"])
    assert words[:3] == ["setpriv", "--pdeathsig", "TERM"]
    assert [word for word in words if "transparent" in word] == ["transparent@127.0.0.1:8082", "transparent@::1:8082"]
    assert words[-2:] == ["--set", "a=b"]


def test_listeners_are_counted_without_disturbing_them() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        assert proxy.listeners(port) == 0
        listening.listen()
        assert proxy.listeners(port) == 1


@pytest.mark.parametrize("words", [["--all"], ["--down"], ["--user", "0", "--with", "iptables"]], ids=" ".join)
def test_without_root_it_is_refused(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("SUDO_USER", "root")
    assert main(words) == 1
    assert capsys.readouterr().err == ("scripts/redirect: only root may change where connections go: call it by sudo\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--user", "no-such-user"], "there is no user 'no-such-user'"),
        (["--group", "no-such-group"], "there is no group 'no-such-group'"),
        (["--all", "--proxy-user", "no-such-user"], "there is no user 'no-such-user'"),
        (["--cgroup", 'a" drop'], "is no path of a cgroup"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--dry-run"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--all", "--user", "root"], ["--all", "--with", "pf"]], ids=" ".join)
def test_wrong_options_are_explained(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: scripts/redirect" in capsys.readouterr().err


@pytest.mark.parametrize(("engine", "first"), [("nftables", "table inet qwenproxy {"), ("iptables", "*nat")])
def test_a_dry_run_prints_the_rules_and_needs_no_rights(
    engine: str, first: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("SUDO_USER", "root")
    assert main(["--user", "root", "--with", engine, "--port", "9000", "--dry-run", "--", "--set", "a=b"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# as root: setpriv")
    assert str(Path("addons", "qwen.py")) in lines[0]
    assert lines[0].endswith("--set a=b")
    assert lines[2] == first
    assert "9000" in "".join(lines[2:])
