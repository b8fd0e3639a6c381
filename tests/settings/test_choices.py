"""What was chosen, and the files and passwords in it; how they are read from all places is in test_settings.py."""

from pathlib import Path

import pytest

from qwenproxy.settings import values
from qwenproxy.settings.choices import Choice, read, take_password
from qwenproxy.settings.sources import Given, Rank

FOLDER = Path("/folder")


def given(raw: object, rank: Rank = Rank.ENVIRONMENT, name: str = "state") -> Given:
    return Given(name, raw, f"where {name} is", rank, FOLDER)


def test_a_path_is_relative_to_where_it_was_written() -> None:
    assert read(values.STATE, given("my.db"), {}).value == "/folder/my.db"


def test_a_wrong_value_names_its_place_and_is_quoted_where_it_may_be() -> None:
    with pytest.raises(ValueError, match="where state is: expected true or false, not 'maybe'"):
        read(values.FLAG, given("maybe"), {})
    with pytest.raises(ValueError, match="where state is: expected a key") as caught:
        read(values.KEY, given("hidden key"), {})
    assert "hidden" not in str(caught.value)


def test_a_password_becomes_a_setting_of_its_own() -> None:
    chosen = {"state": read(values.STATE, given("redis://:hidden@h"), {})}
    take_password(chosen)
    assert chosen["state"].value == "redis://h"
    assert chosen["state_password"].value.reveal() == "hidden"
    assert chosen["state_password"].given.source == "where state is"


def test_without_one_there_is_none() -> None:
    chosen: dict[str, Choice] = {"state": read(values.STATE, given("redis://h", Rank.OPTION), {})}
    take_password(chosen)
    assert set(chosen) == {"state"}
