"""The README says what the code says."""

from scripts.readme import README, filled


def test_the_tables_are_the_codes() -> None:
    """After a change: `.venv/bin/python -m scripts.readme`."""
    text = README.read_text(encoding="utf-8")
    assert filled(text) == text
