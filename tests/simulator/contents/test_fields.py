"""The table of the request's fields."""

import pytest

from qwenproxy.simulator.contents.fields import DATA, ENUMS, MESSAGES
from qwenproxy.simulator.contents.protojson import SCALARS


@pytest.mark.parametrize("message", MESSAGES)
def test_every_kind_is_known(message: str) -> None:
    kinds = {kind.strip("[]{}") for kind in MESSAGES[message].values()}
    assert kinds <= {*SCALARS, *MESSAGES, *ENUMS}


def test_the_data_of_a_part_are_fields_of_it() -> None:
    assert set(DATA.split()) <= set(MESSAGES["Part"])


@pytest.mark.parametrize("keyword", ["$ref", "additionalProperties", "oneOf", "allOf", "not", "const", "if"])
def test_a_schema_has_not_all_keywords(keyword: str) -> None:
    assert keyword not in MESSAGES["Schema"]
