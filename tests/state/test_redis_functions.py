"""What the programs of the store have in common; what the functions do is in the tests of the stores."""

from qwenproxy.state import redis_functions
from qwenproxy.state.redis_functions import program
from qwenproxy.state.redis_store import BEATS


def test_a_program_knows_them_and_ends_with_its_own_words() -> None:
    text = program("return NOW").text
    assert "local function touch(holder)" in text
    assert text.endswith("return NOW")


def test_nobody_is_dead_who_has_missed_a_few_signs_of_life() -> None:
    assert redis_functions.HEARD > redis_functions.GAP > 2 * BEATS
