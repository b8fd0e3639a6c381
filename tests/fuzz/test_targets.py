"""What once broke something, tried again; and the seeds, since a target that fails on those would find nothing else."""

from pathlib import Path

import pytest

from qwenproxy import sse
from qwenproxy.dialects.contents import Contents
from qwenproxy.dialects.normaliser import Normaliser
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"
CASES = sorted(path for path in FOUND.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.name[:20]}")
def test_what_was_found_breaks_nothing_any_more(path: Path) -> None:
    TARGETS[path.parent.name].tries(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_fine(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for seed in seeds:
        TARGETS[name].tries(seed)


def test_a_codec_that_depends_on_the_cuts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = sse.Decoder.feed
    monkeypatch.setattr(sse.Decoder, "feed", lambda self, data: feed(self, data) if len(data) != 1 else [])
    with pytest.raises(AssertionError):
        TARGETS["sse"].tries(b"\x80data: a\n\n")


def test_a_reader_that_says_an_end_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    drain = Normaliser.drain
    monkeypatch.setattr(Normaliser, "drain", lambda self: drain(self) * 2)
    with pytest.raises(AssertionError):
        TARGETS["compatible"].tries(next(TARGETS["compatible"].seeds()))


def test_a_dialect_that_stumbles_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(*_: object, **__: object) -> None:
        raise KeyError("role")

    monkeypatch.setattr(Contents, "request", stumbles)
    with pytest.raises(KeyError):
        TARGETS["chat"].tries(next(TARGETS["chat"].seeds()))
