"""The soak's pure parts: that it would see an answer lost, cut or mixed up; and a short soak."""

import subprocess
from pathlib import Path

import orjson
import pytest

from scripts.soaking.__main__ import Vitals, options, report
from scripts.soaking.kinds import KINDS, TURNS, Kind, answer, fault, kind_of, name
from scripts.soaking.traffic import APP_KEY, Tally

SOAK = Path(__file__).parents[2] / "scripts" / "soak"


def body(kind: Kind, number: int) -> bytes:
    """What the upstream says to a chat request of *kind*, as if nothing stood in between."""
    return answer(kind.path, orjson.dumps(kind.body(name(number))))[2]


CHATS = [number for number in range(len(TURNS)) if kind_of(number).path == "/v1/chat/completions"]


def test_a_hundred_exchanges_hold_every_kind_by_its_weight() -> None:
    assert {kind.title: TURNS.count(kind) for kind in KINDS} == {kind.title: kind.weight for kind in KINDS}


@pytest.mark.parametrize("number", CHATS)
def test_the_answer_to_another_request_is_told(number: int) -> None:
    kind = kind_of(number)
    assert fault(number, kind.status, body(kind, number)) == ""
    assert "it names" in fault(number, kind.status, body(kind, number + len(TURNS)))
    assert "status" in fault(number, 500, body(kind, number))


def test_a_cut_answer_is_told() -> None:
    number = next(number for number in CHATS if kind_of(number).end)
    assert fault(number, 200, body(kind_of(number), number)[:-14]) == "it is not whole"


def test_vectors_are_told_apart() -> None:
    number = next(number for number in range(len(TURNS)) if kind_of(number).title == "embeddings")
    assert fault(number, 200, body(kind_of(number), number)) == ""
    assert "it names" in fault(number, 200, body(kind_of(number), number + len(TURNS)))


@pytest.mark.parametrize("arguments", [["many"], ["99"], ["--fast"]])
def test_a_wrong_number_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        options(arguments)


MB = 1024.0 * 1024


def found(growth: float = 0.0, printed: bytes = b"", faults: int = 0) -> tuple[str, bool]:
    """The report on 1,000 exchanges in which memory has grown by *growth* MB."""
    tally, vitals = Tally(), Vitals()
    tally.answered["chat, whole"] = 1000 - faults
    tally.faults += ["7 (chat, whole): it names [8]"] * faults
    for done in range(0, 1001, 10):
        vitals.memory.append((done, 100 * MB + growth * MB * done / 1000))
        vitals.descriptors.append((done, 40.0))
    return report(1000, tally, vitals, printed, 5.0)


def test_all_is_well() -> None:
    text, good = found()
    assert good
    assert "1,000 of 1,000 exchanges in 5 s, 0 lost or mixed up" in text
    assert "descriptors: 40" in text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("grows", found(growth=40)),
        ("1 secrets", found(printed=f"POST chat 200 {APP_KEY}".encode())),
        ("1 tracebacks", found(printed=b"Traceback (most recent call last):")),
        ("it names [8]", found(faults=1)),
    ],
    ids=["memory", "a secret", "a traceback", "mixed up"],
)
def test_what_is_wrong_is_said(text: str, wrong: tuple[str, bool]) -> None:
    said, good = wrong
    assert not good
    assert text in said


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_thousand_exchanges() -> None:
    ended = subprocess.run([SOAK, "2000"], capture_output=True, text=True, timeout=500, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
