"""`qwenproxy run`: how it starts, what it says, how it ends."""

import argparse
import asyncio
import logging
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest

from qwenproxy.cli import main
from qwenproxy.commands import run
from qwenproxy.simulator.server import Simulator
from tests.support.processes import QWENPROXY, Process, clean, running

HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello, this is private"}]}
FREE = ("--port", "0", "--proxy-port", "0")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, and loggers that are afterwards as they were: mitmproxy leaves its handlers to the process."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers = list(root.handlers)
    levels = {logger: logger.level for logger in map(logging.getLogger, ("qwenproxy", "mitmproxy"))}
    yield tmp_path
    root.handlers[:] = handlers
    for logger, level in levels.items():
        logger.setLevel(level)


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing to listen on": (("--no-port", "--no-proxy-port"), "both --no-port and --no-proxy-port are given"),
    "mitmweb for several": (("--workers", "2", "--ui", "web"), "--ui web shows the flows of one process"),
    "an option that nobody has": (("--set", "nonsense=1"), "unknown option: nonsense"),
    "a setting by half its name": (
        ("--set", "default_model=x"),
        "unknown option: default_model (settings begin with qwen_: qwen_default_model)",
    ),
    "a value of another kind": (("--set", "tcp_timeout=long"), "tcp_timeout"),
    "a setting that is wrong": (
        ("--set", "qwen_heartbeat=soon"),
        "option qwen_heartbeat: expected a number of seconds",
    ),
    "beyond loopback": (("--host", "0.0.0.0"), "missing: allow_remote, client_keys"),
    "a hole": (("--set", "ignore_hosts=example.com"), "ignore_hosts would let requests past the proxy"),
    "an eager connection": (("--set", "connection_strategy=eager"), "connection_strategy (eager)"),
    "another target": (
        ("--set", "mode=reverse:https://example.com@127.0.0.1:0"),
        "would pass requests on to example.com",
    ),
    "a file that is not there": (("--config", "nowhere.toml"), "QWENPROXY_CONFIG: there is no file"),
    "a file that is none": (("--config", "wrong.toml"), "wrong.toml:1:"),
    "a setting that nobody has": (("--config", "unknown.toml"), "unknown.toml: nonsense: no such setting"),
}


@pytest.mark.parametrize(("words", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_wrong_options_are_one_line_and_status_2(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    (home / "wrong.toml").write_text("= 1")
    (home / "unknown.toml").write_text("nonsense = 1")
    with pytest.raises(SystemExit) as caught:
        main(["run", *FREE, *words])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert complaint in err
    assert err.startswith("qwenproxy run: ")
    assert err.count("\n") == 1


WRONG_VARIABLES = {
    "a name": ("HEARTBEET", "1", "QWENPROXY_HEARTBEET: no such setting; the nearest is QWENPROXY_HEARTBEAT"),
    "a file of client keys": ("CLIENT_KEYS_FILE", "nowhere", "QWENPROXY_CLIENT_KEYS_FILE: "),
}


@pytest.mark.parametrize(("name", "value", "complaint"), WRONG_VARIABLES.values(), ids=WRONG_VARIABLES.keys())
def test_a_wrong_variable_is_named_before_what_it_was_to_allow(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    complaint: str,
) -> None:
    monkeypatch.setenv("QWENPROXY_ALLOW_REMOTE", "true")
    monkeypatch.setenv(f"QWENPROXY_{name}", value)
    with pytest.raises(SystemExit) as caught:
        main(["run", *FREE, "--host", "0.0.0.0"])
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.arguments(parser)
    return parser.parse_args(words)


SPECS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "both": ((), ["reverse:http://api.openai.com:443@127.0.0.1:8080", "regular@127.0.0.1:8081"]),
    "a local OpenAI": (("--no-proxy-port", "--port", "1"), ["reverse:http://api.openai.com:443@127.0.0.1:1"]),
    "an HTTPS proxy": (("--no-port", "--proxy-port", "2", "--host", "::1"), ["regular@::1:2"]),
}


@pytest.mark.parametrize(("words", "specs"), SPECS.values(), ids=SPECS.keys())
def test_the_listeners_are_those_that_are_wanted(words: tuple[str, ...], specs: list[str]) -> None:
    assert run.specs(parsed(*words)) == specs


def test_port_0_is_a_free_one_for_each_listener() -> None:
    ports = [int(spec.rpartition(":")[2]) for spec in run.specs(parsed(*FREE))]
    assert len(set(ports)) == 2
    assert all(ports)


def test_mitmweb_does_not_take_a_port_of_ours() -> None:
    arguments = parsed()
    assert run.WEB_PORT not in (arguments.port, arguments.proxy_port)


REAL = {
    "QWENPROXY_API_KEY_FILE": "/real",
    "DASHSCOPE_API_KEY": "sk-real",
    "BAILIAN_CODING_PLAN_API_KEY": "sk-sp-real",
    "BAILIAN_TOKEN_PLAN_API_KEY": "sk-real",
    "QWENPROXY_UPSTREAM": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "QWENPROXY_CREDENTIALS": "/home/real/.qwen/oauth_creds.json",
    "QWENPROXY_OAUTH_URL": "https://chat.qwen.ai",
    "QWEN_HOME": "/home/real/.qwen",
}


@pytest.mark.parametrize("auth", ["auto", "api_key", "none", "oauth"])
def test_the_simulator_takes_the_place_of_every_real_upstream(auth: str) -> None:
    simulator = Simulator()
    simulator.base_url = "http://127.0.0.1:1"
    told = run.simulated(simulator, REAL | {"QWENPROXY_AUTH": auth, "QWENPROXY_HEARTBEAT": "3"}, "/temporary")
    assert told.pop("QWENPROXY_HEARTBEAT") == "3"
    assert told.pop("QWENPROXY_UPSTREAM").startswith("http://127.0.0.1:1/")
    assert told.pop("QWENPROXY_OAUTH_URL") == "http://127.0.0.1:1"
    assert told.pop("QWENPROXY_AUTH") == ("oauth" if auth == "oauth" else "api_key")
    assert told.pop("QWENPROXY_API_KEY", simulator.key) == simulator.key
    assert all(value.startswith("/temporary") for value in told.values()), told


@dataclass
class Started:
    """A `qwenproxy run`: what it prints on stdout is in `process`, what on stderr in `errors`."""

    process: Process
    errors: Path

    @property
    def lines(self) -> list[str]:
        """The lines of stderr, without their times."""
        return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in self.errors.read_text().splitlines()]

    async def ask(self, port: int, path: str = "/v1/chat/completions") -> int:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"http://127.0.0.1:{port}{path}", json=HELLO) as response,
        ):
            await response.read()
            return response.status

    async def stop(self, with_signal: signal.Signals) -> int:
        self.process.process.send_signal(with_signal)
        return await self.process.ended()


@asynccontextmanager
async def started(home: Path, *words: str, ready: str = "listening", **environ: str) -> AsyncIterator[Started]:
    errors = home / "errors"
    shell = ("sh", "-c", f'exec "$0" "$@" 2>"{errors}"', *QWENPROXY, "run", *words)
    async with running(shell, clean(home) | environ, ready=ready) as process:
        yield Started(process, errors)


async def test_it_says_where_it_listens_logs_what_passes_and_ends_cleanly(tmp_path: Path) -> None:
    """Real keys, and a real login, are in reach, and stay unused."""
    (tmp_path / ".qwen").mkdir()
    (tmp_path / ".qwen" / "oauth_creds.json").write_text('{"access_token": "real-token", "expiry_date": 9999999999999}')
    real = {
        "DASHSCOPE_API_KEY": "sk-real-1",
        "QWENPROXY_API_KEY": "sk-real-2",
        "QWENPROXY_UPSTREAM": "https://real.invalid/v1",
    }
    async with started(tmp_path, "--simulator", *FREE, **real) as proxy:
        first, second = proxy.process.output.splitlines()
        assert re.fullmatch(r"simulator http://127\.0\.0\.1:\d+", first)
        assert re.fullmatch(r"listening reverse=http://127\.0\.0\.1:\d+ proxy=http://127\.0\.0\.1:\d+", second)
        reverse, _ = proxy.process.ports
        assert await proxy.ask(reverse) == 200
        assert await proxy.ask(reverse, "/v1/nothing") == 404
        assert await proxy.stop(signal.SIGTERM) == 0
    good, bad = proxy.lines
    assert re.fullmatch(
        r"I POST chat 200 gpt-4o->qwen3\.7-plus first=\d+ms total=\d+ms tokens=\d+\+\d+ id=req_\w{32}", good
    )
    assert re.match(r'I POST - 404 total=\d+ms error="unknown_url: Invalid URL \(POST /v1/nothing\)', bad)
    assert not [secret for secret in ("real", "private", "sk-") if secret in proxy.errors.read_text()]


async def test_a_stream_that_is_under_way_holds_it_up_no_longer_than_it_may(tmp_path: Path) -> None:
    async with (
        started(tmp_path, "--simulator", "--no-proxy-port", "--port", "0", QWENPROXY_DRAIN_TIMEOUT="0") as proxy,
        aiohttp.ClientSession() as http,
    ):
        (port,) = proxy.process.ports
        said = {"role": "user", "content": "Hello [sim: stall]"}
        body = HELLO | {"messages": [said], "stream": True}
        async with http.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as response:
            await response.content.readany()
            assert await asyncio.wait_for(proxy.stop(signal.SIGTERM), 5) == 0


async def test_it_can_be_looked_at_in_mitmweb_and_logs_for_machines(tmp_path: Path) -> None:
    web_port = run.free_port("127.0.0.1")
    words = ("--simulator", "--ui", "web", "--set", f"web_port={web_port}")
    async with started(tmp_path, *words, *FREE, QWENPROXY_LOG_FORMAT="json") as proxy, aiohttp.ClientSession() as http:
        (line,) = [line for line in proxy.process.output.splitlines() if line.startswith("listening ")]
        page = line.rpartition("web=")[2]
        assert page.startswith(f"http://127.0.0.1:{web_port}/")
        reverse, _ = proxy.process.ports
        assert await proxy.ask(reverse) == 200
        async with http.get(page) as response:
            assert response.status == 200
        assert await proxy.stop(signal.SIGINT) == 0
    (told,) = [orjson.loads(line) for line in proxy.errors.read_text().splitlines()]
    assert (told["level"], told["logger"]) == ("info", "qwenproxy.exchange")
    exchange = told["exchange"]
    assert (exchange["method"], exchange["endpoint"], exchange["status"]) == ("POST", "chat", 200)
    assert (exchange["model"], exchange["used"], exchange["rounds"]) == ("gpt-4o", "qwen3.7-plus", 1)
    assert 0 <= exchange["first_ms"] <= exchange["total_ms"]
    assert exchange["prompt_tokens"] > 0
    assert exchange["completion_tokens"] > 0


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that someone else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


TAKEN: dict[str, tuple[str, ...]] = {
    "the local OpenAI's": ("--no-proxy-port", "--port", "PORT"),
    "that of several workers": ("--workers", "2", "--no-proxy-port", "--port", "PORT"),
    "the HTTPS proxy's": ("--no-port", "--proxy-port", "PORT"),
    "the simulator's": ("--no-port", "--proxy-port", "0", "--simulator", "--simulator-port", "PORT"),
}
IN_USE = (
    r"127\.0\.0\.1'?[:,] ?{}.*address already in use|port {} of 127\.0\.0\.1 is taken by \S+ \(process {}\): end it"
)
"""The simulator's in the system's words, the others with who has it."""


@pytest.mark.parametrize("words", TAKEN.values(), ids=TAKEN.keys())
def test_a_port_that_is_taken_is_named_and_status_1(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    taken: int,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("QWENPROXY_AUTH", "none")
    with pytest.raises(SystemExit) as caught:
        main(["run", *(word.replace("PORT", str(taken)) for word in words)])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (1, "")
    assert re.search(IN_USE.format(taken, taken, os.getpid()), err.splitlines()[0], re.IGNORECASE)
