"""The collector leaves alone what was loaded at the start, and looks seldom."""

import gc
from collections.abc import Iterator

import pytest

from qwenproxy import garbage


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The garbage collector as it was, before and afterwards."""
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_was_loaded_is_left_alone_and_what_comes_later_is_not() -> None:
    garbage.spare()
    assert (gc.get_freeze_count() > 0, gc.get_threshold()) == (True, garbage.THRESHOLDS)
    frozen = gc.get_freeze_count()
    later = [{"made": number} for number in range(1000)]
    garbage.spare()  # as it is when the script has been loaded anew
    assert gc.get_freeze_count() < frozen + len(later)
