"""`qwenproxy exec`: what it understands, and how it complains.  With real apps: tests/e2e."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from qwenproxy.cli import main, parser
from qwenproxy.commands import exec
from tests.support.processes import ROOT


def parsed(*words: str) -> argparse.Namespace:
    return parser("exec").parse_args(["exec", *words])


WRONG: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no command": ((), 2, "what is to be run?"),
    "an option and no command": (("--simulator", "--"), 2, "what is to be run?"),
    "an option that nobody has": (("--fast", "--", "true"), 2, "unrecognized arguments: --fast"),
    "a shell that nobody has": (("--env", "csh"), 2, "argument --env: invalid choice: 'csh'"),
    "a port that is none": (("--join", "x", "--", "true"), 2, "argument --join"),
    "a shell and a command": (("--env", "sh", "--", "true"), 2, "--env prints variables and runs nothing"),
    "a shell and an upstream": (("--env", "sh", "--simulator"), 2, "--env is about a proxy that runs already"),
    "another proxy and a setting": (("--join", "--set", "a=b", "--", "true"), 2, "give --set to `qwenproxy run`"),
    "no such command": (("--", "no-such-command"), 127, "no-such-command: there is no such command"),
    "no such file": (("--", "./no-such-file"), 127, "./no-such-file: there is no such command"),
    "no program": (("--", __file__), 126, "cannot be executed"),
    "no proxy": (("--join", "9", "--", "true"), 1, "no HTTPS proxy of qwenproxy runs at port 9"),
    "no proxy for a shell": (("--env", "sh", "--join", "9"), 1, "no HTTPS proxy of qwenproxy runs at port 9"),
}


@pytest.mark.parametrize(("words", "status", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_done_is_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    status: int,
    complaint: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(exec, "end_in_order", lambda: None)  # pytest's handlers stay
    with pytest.raises(SystemExit) as caught:
        main(["exec", *words])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (status, "")
    assert complaint in err
    assert err.startswith("qwenproxy")
    assert err.count("\n") == 1


COMMANDS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "as it should be": (("--simulator", "--", "app", "-x", "--simulator"), ["--", "app", "-x", "--simulator"]),
    "without the dashes": (("--simulator", "app", "-x", "--", "y"), ["app", "-x", "--", "y"]),
    "its own dashes stay": (("--", "app", "--", "y"), ["--", "app", "--", "y"]),
}


@pytest.mark.parametrize(("words", "command"), COMMANDS.values(), ids=COMMANDS.keys())
def test_everything_from_the_command_on_is_the_commands(words: tuple[str, ...], command: list[str]) -> None:
    assert parsed(*words).words == command


JOINED: dict[str, tuple[tuple[str, ...], int | None]] = {
    "by no word": (("--", "1"), None),
    "at some port": (("--join", "--", "1"), exec.LOOK),
    "at this port": (("--join", "1", "--", "2"), 1),
}


@pytest.mark.parametrize(("words", "port"), JOINED.values(), ids=JOINED.keys())
def test_a_proxy_that_runs_is_joined(words: tuple[str, ...], port: int | None) -> None:
    assert parsed(*words).join == port


def test_the_proxy_gets_its_options() -> None:
    words = ("--simulator", "--ui", "web", "--set", "a=b", "--set", "c=--d", "--config", "my file", "--log", "l", "app")
    assert exec.options(parsed(*words), base_url=True) == [
        "--simulator",
        "--set=a=b",
        "--set=c=--d",
        "--ui=web",
        "--config=my file",
        "--log=l",
    ]
    assert exec.options(parsed("app"), base_url=False) == ["--no-port"]


WITHOUT_SIGNALS = """
import signal, sys
import qwenproxy.commands.exec
for name in [name for name in sys.modules if name.startswith("qwenproxy")]:
    del sys.modules[name]  # others' modules have seen the real system; ours shall not
for name in ("SIGHUP", "SIGCHLD", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGALRM"):
    delattr(signal, name)
for name in ("pthread_sigmask", "sigwait", "sigwaitinfo"):
    delattr(signal, name)
sys.platform = "win32"
import qwenproxy.commands.exec
from qwenproxy.commands.launch import supervision
print(supervision.supervise(sys.executable, ["python", "-c", "raise SystemExit(5)"], {}).status)
"""


def test_a_system_without_posix_signals_can_do_it_too() -> None:
    """Windows, as far as it can be played here."""
    words = [sys.executable, "-c", WITHOUT_SIGNALS]
    path = {"PYTHONPATH": str(ROOT / "addons")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=path)
    assert (done.stdout, done.stderr) == ("5\n", "")
