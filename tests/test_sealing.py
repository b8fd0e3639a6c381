"""What apps carry: opened by whom it is for, and by nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.sealing import Keyring, OwnersSeal, new_key

OLD, NEW = "o" * 32, "n" * 32
ANN = OwnersSeal(Keyring([OLD]), "ann")


@given(st.text(st.characters(exclude_categories=[]), max_size=50))
def test_what_was_sealed_is_had_back(text: str) -> None:
    """Half characters, too, which models do write."""
    assert ANN.open("reasoning", ANN.close("reasoning", text)) == text


def test_it_is_opaque_and_never_twice_the_same() -> None:
    sealed = {ANN.close("reasoning", "the cat is at home") for _ in range(5)}
    assert len(sealed) == 5
    assert not [one for one in sealed if "cat" in one or not one.isascii()]


@pytest.mark.parametrize(
    "other",
    [OwnersSeal(Keyring([OLD]), "bob"), OwnersSeal(Keyring([NEW]), "ann")],
    ids=["another owner", "another key"],
)
def test_nobody_else_opens_it(other: OwnersSeal) -> None:
    assert other.open("reasoning", ANN.close("reasoning", "x")) is None


def test_one_kind_of_thing_is_not_taken_for_another() -> None:
    assert ANN.open("compaction", ANN.close("reasoning", "x")) is None


def test_a_change_anywhere_is_noticed() -> None:
    sealed = ANN.close("reasoning", "some thinking")
    for place, letter in enumerate(sealed.rstrip("=")[:-1]):  # the last one has spare bits
        changed = sealed[:place] + ("A" if letter != "A" else "B") + sealed[place + 1 :]
        assert ANN.open("reasoning", changed) is None
        assert ANN.open("reasoning", sealed[:place]) is None


@pytest.mark.parametrize("junk", ["", "x", "gAAAAABo", "ä", "A" * 1000, "\ud800", "=="])
def test_what_others_have_sealed_does_not_open(junk: str) -> None:
    assert ANN.open("reasoning", junk) is None


def test_after_a_change_of_keys_the_old_one_still_opens() -> None:
    both = OwnersSeal(Keyring([NEW, OLD]), "ann")
    assert both.open("reasoning", ANN.close("reasoning", "before")) == "before"
    after = both.close("reasoning", "after")
    assert ANN.open("reasoning", after) is None
    assert OwnersSeal(Keyring([NEW]), "ann").open("reasoning", after) == "after"


def test_new_keys_are_long_and_each_another() -> None:
    made = {new_key() for _ in range(10)}
    assert len(made) == 10
    assert all(len(key) >= 32 for key in made)
