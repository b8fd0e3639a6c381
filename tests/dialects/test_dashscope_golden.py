"""DashScope's native protocol read: whole answers, written down with what they come to, at every cut."""

from pathlib import Path

import orjson
import pytest

from tests.dialects.dashscope_reading import play
from tests.support import cuts, wellformed
from tests.support.answers import written

GOLDEN = Path(__file__).parents[1] / "golden" / "dashscope"
CASES = sorted(path.name for path in GOLDEN.iterdir())


@pytest.mark.parametrize("case", CASES)
def test_an_answer_is_the_same_at_every_cut(case: str) -> None:
    data = (GOLDEN / case / "qwen.sse").read_bytes()
    expected = orjson.loads((GOLDEN / case / "events.json").read_bytes())
    for pieces in cuts.every_cut(data):
        events = play(pieces)
        assert [written(event) for event in events] == expected
    wellformed.check(events)


@pytest.mark.parametrize("case", CASES)
def test_a_case_says_what_it_is(case: str) -> None:
    assert {path.name for path in (GOLDEN / case).iterdir()} == {"qwen.sse", "events.json", "note.md"}
    assert (GOLDEN / case / "note.md").read_text(encoding="utf-8").strip()
