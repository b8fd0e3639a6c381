"""`qwenproxy usage`: what it says, in each form."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from qwenproxy import cli
from qwenproxy.state.base import Use
from qwenproxy.state.usage import UsageFile, day_of
from tests.support.commands import Ended, Home

DAY = 86_400.0

type Usage = Callable[..., Ended]


@pytest.fixture
def usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Usage:
    """Calls it in this process."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, **settings: str) -> Ended:
        for name, value in Home(tmp_path).environ(**settings).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as caught:
            cli.main(["usage", *words])
        return Ended(int(str(caught.value.code)), *capsys.readouterr())

    return call


def day(ago: int) -> str:
    return day_of(time.time() - ago * DAY)


@pytest.fixture
def kept(tmp_path: Path) -> list[Use]:
    found = [
        Use(day(40), "1a2b3c4d", "qwen3.7-plus", 9, 9, 9, 9),
        Use(day(1), "-", "qwen3.7-plus", 1, 0, 5, 6),
        Use(day(0), "1a2b3c4d", "qwen3.7-plus", 1200, 3, 34_000, 5_600_000),
    ]
    UsageFile(tmp_path / "usage.db", 400 * DAY).add(found)
    return found


def test_for_people_it_is_a_table_with_its_total(usage: Usage, kept: list[Use]) -> None:
    found = usage(usage="usage.db")
    assert (found.status, found.err) == (0, "")
    assert [line.split() for line in found.out.splitlines()] == [
        ["day", "key", "model", "requests", "errors", "prompt", "tokens", "completion", "tokens"],
        [day(1), "-", "qwen3.7-plus", "1", "0", "5", "6"],
        [day(0), "1a2b3c4d", "qwen3.7-plus", "1,200", "3", "34,000", "5,600,000"],
        ["total", "1,201", "3", "34,005", "5,600,006"],
    ]
    assert len({len(line) for line in found.out.splitlines()}) == 1


def test_for_programs_it_is_json_or_csv(usage: Usage, kept: list[Use]) -> None:
    rows = orjson.loads(usage("--json", "--days", "100", usage="usage.db").out)
    assert [Use(**row) for row in rows] == kept
    head, *lines = csv.reader(io.StringIO(usage("--csv", "--days", "1", usage="usage.db").out))
    assert head == list(Use._fields)
    assert lines == [[str(value) for value in kept[-1]]]


def test_where_nothing_was_used_it_says_so(usage: Usage) -> None:
    assert usage() == Ended(0, "Nothing was used in these days.\n", "")
    assert orjson.loads(usage("--json").out) == []


@pytest.mark.parametrize(
    ("settings", "status", "complaint"),
    [
        ({"usage": "off"}, 1, "no usage is kept: set `usage` to a file"),
        ({"usage_lifetime": "long"}, 2, "QWENPROXY_USAGE_LIFETIME: expected a time such as 30d"),
    ],
)
def test_what_is_wrong_is_said(usage: Usage, settings: dict[str, str], status: int, complaint: str) -> None:
    found = usage(**settings)
    assert (found.status, found.out) == (status, "")
    assert complaint in " ".join(found.err.split())


def test_a_file_that_is_none_is_named(usage: Usage, tmp_path: Path) -> None:
    (tmp_path / "usage.db").write_text("this is no database")
    found = usage(usage="usage.db")
    assert found.status == 1
    assert "usage.db: file is not a database" in " ".join(found.err.split())
