"""`qwenproxy doctor`: what it says, and with which exit status."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from qwenproxy import cli
from qwenproxy.commands.checks.findings import Finding, fail, ok
from qwenproxy.commands.doctor import foreign, tempered
from qwenproxy.commands.run import free_port
from tests.support.commands import TOKENS, Ended, Home
from tests.support.processes import authority

KEY = "sk-0123456789abcdef"
NAMES = {
    *("python", "mitmproxy", "settings", "options", "port", "proxy-port", "authority", "trust"),
    *("proxy", "no-proxy", "base-url", "credential", "pair", "state", "upstream", "clock", "call"),
}
"""Programs rely on them."""

type Doctor = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def doctor(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Calls it in this process, about two free ports."""
    monkeypatch.chdir(home.path)
    ports = ("--port", str(free_port("127.0.0.1")), "--proxy-port", str(free_port("127.0.0.1")))

    def call(*words: str, **given: str) -> Ended:
        for name, value in home.environ(**given).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as caught:
            cli.main(["doctor", *ports, *words])
        out, err = capsys.readouterr()
        assert not [secret for secret in (*TOKENS, KEY) if secret in out + err]
        return Ended(int(str(caught.value.code)), out, err)

    return call


def findings(found: Ended) -> list[Finding]:
    return [Finding(**each) for each in orjson.loads(found.out)["findings"]]


def test_a_line_says_level_name_and_what_and_the_next_what_to_do(home: Home, doctor: Doctor) -> None:
    home.keep()
    found = doctor("--offline")
    assert (found.status, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0].startswith("ok    python       3.")
    (login,) = [at for at, line in enumerate(lines) if line.startswith("warn  credential   OAuth login: signed in")]
    assert lines[login + 1].startswith(f"{' ' * 19}-> The free tier behind this login ended")


def test_as_json_it_says_the_same(doctor: Doctor) -> None:
    found = doctor("--offline", "--json", api_key=KEY)
    told = orjson.loads(found.out)
    assert (found.status, found.err) == (0, "")
    assert told.keys() == {"version", "status", "findings"}
    assert told["status"] == "ok"
    assert all(each.keys() == {"name", "level", "what", "next"} for each in told["findings"])
    names = [finding.name for finding in findings(found)]
    assert names == [
        *("python", "mitmproxy", "settings", "options", "port", "proxy-port", "authority"),
        *("proxy", "trust", "credential", "pair"),
    ]


def test_another_folder_of_mitmproxys_may_be_named(doctor: Doctor, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    authority(folder)
    (folder / "config.yaml").write_text("rawtcp: true\n")
    found = {each.name: each for each in findings(doctor("--offline", "--json", "--confdir", str(folder), api_key=KEY))}
    assert found["options"].level == "fail"
    assert f"{folder}, valid until" in found["authority"].what


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_is_none_is_a_wrong_call(doctor: Doctor, port: str) -> None:
    found = doctor("--port", port)
    assert (found.status, found.out) == (2, "")
    assert "argument --port: " in found.err


def test_what_fails_is_status_1(doctor: Doctor) -> None:
    found = doctor("--offline")
    assert found.status == 1
    assert "\nfail  credential   no credential: there is no key and no login\n" in found.out


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "an unknown setting": ({"upstraem": "x"}, "QWENPROXY_UPSTRAEM: no such setting; the nearest is QWENPROXY_UPSTREAM"),
    "a wrong value": ({"auth": "magic"}, "QWENPROXY_AUTH: expected one of"),
    "what does not go together": ({"auth": "oauth", "dialect": "dashscope"}, "only the compatible dialect is spoken"),
}


@pytest.mark.parametrize(("given", "what"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings_are_status_2_and_the_rest_is_looked_at_all_the_same(
    doctor: Doctor, given: dict[str, str], what: str
) -> None:
    found = doctor("--json", **given)
    assert (found.status, found.err) == (2, "")
    (settings,) = [finding for finding in findings(found) if finding.name == "settings"]
    assert (settings.level, what in settings.what) == ("fail", True)
    assert {"python", "port", "authority", "proxy"} <= {finding.name for finding in findings(found)}


def test_an_unknown_key_in_the_file_is_named_with_its_place(home: Home, doctor: Doctor) -> None:
    file = home.path / "qwenproxy.toml"
    file.write_text('modles = "x"')
    found = doctor("--json")
    assert found.status == 2
    assert f"{file}: modles: no such setting; the nearest is models" in [finding.what for finding in findings(found)]


def test_an_upstream_that_says_nothing_is_given_up(doctor: Doctor, stalling: str) -> None:
    began = time.monotonic()
    found = doctor("--json", "--timeout", "1", upstream=stalling, api_key=KEY)
    assert time.monotonic() - began < 8.0
    assert found.status == 1
    (upstream,) = [finding for finding in findings(found) if finding.name == "upstream"]
    assert (upstream.level, "HTTP failed: no answer within 1 s" in upstream.what) == ("fail", True)
    assert "call" not in {finding.name for finding in findings(found)}, "what cannot be reached is not called"
    assert {finding.name for finding in findings(found)} <= NAMES


@pytest.fixture
def stalling() -> Iterator[str]:
    """The base URL of a server that takes connections, and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def test_one_answer_takes_the_edge_off_the_failures_of_others() -> None:
    answers = [ok("call", "well"), fail("call", "refused", "do")]
    assert [finding.level for finding in tempered(answers, answers)] == ["ok", "warn"]
    assert [finding.level for finding in tempered(answers[1:], answers[1:])] == ["fail"]


def test_other_machines_proxies_are_named_without_their_passwords() -> None:
    environ = {"HTTPS_PROXY": "http://u:pw@corp:3128", "HTTP_PROXY": "http://corp:3128", "ALL_PROXY": "127.0.0.1:8081"}
    assert foreign(environ) == ["http://corp:3128"]
