"""The README says what the code says."""

import re

from scripts.readme import FENCED, README, anchor, filled, headings


def test_the_tables_and_the_contents_are_the_codes() -> None:
    """After a change: `.venv/bin/python -m scripts.readme`."""
    text = README.read_text(encoding="utf-8")
    assert filled(text) == text


def test_no_two_headings_have_one_anchor_and_every_link_has_a_heading() -> None:
    text = README.read_text(encoding="utf-8")
    anchors = [anchor(words) for _, words in headings(text)]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", FENCED.sub("", text))) == set(anchors)
