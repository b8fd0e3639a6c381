"""The command line: what it understands, and how it complains."""

import pytest

from qwenproxy import __version__
from qwenproxy.cli import COMMANDS, command, main


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    """The exit status, and what was written to stdout and stderr."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    return caught.value.code, *capsys.readouterr()


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing": ((), "qwenproxy: the following arguments are required: COMMAND"),
    "no such command": (("walk",), "qwenproxy: argument COMMAND: invalid choice: 'walk'"),
    "no such option": (("run", "--fast"), "unrecognized arguments: --fast"),
    "an option cut short": (("run", "--proxy", "1"), "unrecognized arguments: --proxy 1"),
    "a port that is no number": (("run", "--port", "x"), "qwenproxy run: argument --port: "),
    "a port that cannot be": (("run", "--proxy-port", "65536"), "argument --proxy-port: '65536' is not a port"),
    "a negative port": (("simulator", "--port=-1"), "argument --port: '-1' is not a port"),
    "no such interface": (("run", "--ui", "gtk"), "argument --ui: invalid choice: 'gtk'"),
    "a value that is missing": (("run", "--set"), "argument --set: expected one argument"),
}


@pytest.mark.parametrize(("words", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_call_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    status, out, err = call(capsys, *words)
    assert (status, out) == (2, "")
    assert complaint in err
    assert "--help`)" in err
    assert err.count("\n") == 1


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capsys, "--help")
    assert (status, err) == (0, "")
    assert all(command(name).HELP in " ".join(out.split()) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, out, _ = call(capsys, name, "--help")
    assert status == 0
    assert out.startswith(f"usage: qwenproxy {name}")


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version") == (0, f"qwenproxy {__version__}\n", "")
