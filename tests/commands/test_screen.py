"""What is written to a terminal, and to what is none."""

import io
from collections.abc import Mapping

import pytest

from qwenproxy.commands.screen import CLEAR, Screen

TERMINAL = {"TERM": "xterm-256color"}


class Terminal(io.TextIOWrapper):
    """Stands for a terminal of some encoding."""

    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    @property
    def written(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("tty", "environ", "live", "colours"),
    [
        (True, TERMINAL, True, True),
        (True, {**TERMINAL, "NO_COLOR": "1"}, True, False),
        (True, {**TERMINAL, "NO_COLOR": ""}, True, True),
        (True, {"TERM": "dumb"}, False, False),
        (True, {}, False, False),
        (False, TERMINAL, False, False),
    ],
    ids=str,
)
def test_what_it_may_do_follows_from_where_it_writes(
    tty: bool, environ: Mapping[str, str], live: bool, colours: bool
) -> None:
    screen = Screen(Terminal(tty=tty), environ)
    assert (screen.is_live, screen.has_colours) == (live, colours)


def test_the_last_line_changes_in_place() -> None:
    out = Terminal()
    screen = Screen(out, {**TERMINAL, "NO_COLOR": "1"})
    screen.line("first")
    screen.status("one")
    screen.status("two")
    screen.line("last")
    assert out.written == f"first\n{CLEAR}one{CLEAR}two{CLEAR}last\n"


def test_it_can_be_taken_away_once() -> None:
    out = Terminal()
    screen = Screen(out, {**TERMINAL, "NO_COLOR": "1"})
    screen.status("one")
    screen.clear()
    screen.clear()
    assert out.written == f"{CLEAR}one{CLEAR}"


def test_elsewhere_there_are_plain_lines_only() -> None:
    out = Terminal(tty=False)
    screen = Screen(out, TERMINAL)
    screen.status("one")
    screen.clear()
    screen.line("last", "green")
    assert out.written == "last\n"
    assert not screen.draws_blocks


def test_a_style_ends_where_its_text_does() -> None:
    out = Terminal()
    Screen(out, TERMINAL).line("well", "green")
    assert out.written == "\x1b[32mwell\x1b[0m\n"


def test_a_changing_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()
    Screen(out, {**TERMINAL, "NO_COLOR": "1"}).status("x" * 50)
    assert out.written == CLEAR + "x" * 19


def test_running_text_is_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out, plain = Terminal(), Terminal(tty=False)
    text = "some words and a/long/path/that/is/not/broken."
    Screen(out, TERMINAL).paragraph(text, first="! ", indent="  ")
    assert out.written.splitlines() == ["! some words and", "  a/long/path/that/is/not/broken."]
    Screen(plain, TERMINAL).paragraph(text, first="! ", indent="  ")
    assert plain.written == f"! {text}\n"


@pytest.mark.parametrize(("encoding", "draws", "written"), [("utf-8", True, "é…"), ("latin-1", False, "é?")])
def test_what_cannot_be_written_is_replaced(encoding: str, draws: bool, written: str) -> None:
    out = Terminal(encoding)
    screen = Screen(out, TERMINAL)
    screen.line("é…")
    assert out.written == f"{written}\n"
    assert screen.draws_blocks is draws
