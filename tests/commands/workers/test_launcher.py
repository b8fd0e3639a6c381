"""The launcher: what it opens before it starts anybody; `tests/e2e/test_workers.py` has the rest."""

import argparse
from contextlib import ExitStack

import pytest

from qwenproxy.commands import run
from qwenproxy.commands.workers import launcher


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.arguments(parser)
    return parser.parse_args([*words, "--workers", "2"])


OPENED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "both": (("--port", "0", "--proxy-port", "0"), ["port", "proxy_port"]),
    "a local OpenAI": (("--port", "0", "--no-proxy-port"), ["port"]),
    "an HTTPS proxy": (("--no-port", "--proxy-port", "0", "--host", "localhost"), ["proxy_port"]),
}


@pytest.mark.parametrize(("words", "names"), OPENED.values(), ids=OPENED.keys())
def test_each_listener_that_is_wanted_is_opened_and_closed(words: tuple[str, ...], names: list[str]) -> None:
    with ExitStack() as stack:
        opened = launcher.open_listeners(parsed(*words), stack)
        assert list(opened) == names
        assert all(each.port for each in opened.values())
        sockets = [each for listener in opened.values() for each in listener.sockets]
        assert len({each.getsockname() for each in sockets}) == len(sockets)
    assert [each.fileno() for each in sockets] == [-1] * len(sockets)


@pytest.mark.parametrize("text", ["0", "-1", "129", "many"])
def test_there_is_a_number_of_workers(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    run.arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--workers", text])
    assert f"'{text}' is not a number from 1 to 128" in capsys.readouterr().err


def test_without_a_number_there_are_no_workers() -> None:
    parser = argparse.ArgumentParser()
    run.arguments(parser)
    assert parser.parse_args([]).workers is None
