"""The README says what the code says."""

import re
from pathlib import Path

from qwenproxy.settings import readme_table

README = Path(__file__).parents[1] / "README.md"
MARKED = re.compile(r"^<!-- settings -->\n(.*?)^<!-- /settings -->$", re.DOTALL | re.MULTILINE)


def test_the_table_of_settings_is_the_codes() -> None:
    tables = MARKED.findall(README.read_text(encoding="utf-8"))
    assert [table.strip() for table in tables] == [readme_table().strip()]
