"""A row of the table of settings."""

from dataclasses import dataclass, fields

from qwenproxy.settings import values
from qwenproxy.settings.rows import Row, setting


@dataclass(frozen=True)
class Some:
    size: int = setting(values.SIZE, "2k", "How large", shared=("SIZE",))


def test_a_field_has_its_default_and_what_the_table_says() -> None:
    assert Some().size == 2_048
    assert fields(Some)[0].metadata["row"] == Row(values.SIZE, "2k", "How large", shared=("SIZE",))
