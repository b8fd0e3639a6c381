"""What is sealed opens with its key, at its place, unchanged; else not."""

from collections.abc import Callable

import pytest

from qwenproxy.sealing import Broken
from qwenproxy.shared.seal import Seal

OLD, NEW = "o" * 32, "n" * 32


def test_it_opens_as_it_was_closed() -> None:
    seal = Seal([NEW])
    closed = seal.close(b"a prompt", "place")
    assert b"prompt" not in closed
    assert seal.open(closed, "place") == b"a prompt"
    assert closed != seal.close(b"a prompt", "place"), "nobody can tell that two are the same"


def test_an_older_key_opens_what_it_sealed() -> None:
    assert Seal([NEW, OLD]).open(Seal([OLD]).close(b"x", "p"), "p") == b"x"
    assert Seal([NEW]).open(Seal([NEW, OLD]).close(b"x", "p"), "p") == b"x"


WRONG: dict[str, tuple[Seal, Callable[[bytes], bytes], str, str]] = {
    "another key": (Seal([OLD]), lambda kept: kept, "p", "none of the keys"),
    "no key": (Seal([]), lambda kept: kept, "p", "there is no key here"),
    "another place": (Seal([NEW]), lambda kept: kept, "q", "was changed"),
    "changed": (Seal([NEW]), lambda kept: kept[:-1] + bytes([kept[-1] ^ 1]), "p", "was changed"),
    "cut": (Seal([NEW]), lambda kept: kept[:8], "p", "was changed"),
    "not sealed": (Seal([NEW]), lambda kept: Seal([]).close(b"x", "p"), "p", "none of the keys"),
    "nothing": (Seal([NEW]), lambda kept: b"", "p", "none of the keys"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_open_says_why(name: str) -> None:
    seal, change, place, why = WRONG[name]
    with pytest.raises(Broken, match=why):
        seal.open(change(Seal([NEW]).close(b"x", "p")), place)


def test_without_keys_nothing_is_sealed() -> None:
    seal = Seal([])
    assert not seal
    assert seal.open(seal.close(b"x", "p"), "anywhere") == b"x"
