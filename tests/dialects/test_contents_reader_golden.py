"""The contents format read: whole answers, written down with what they come to, at every cut."""

from pathlib import Path

import orjson
import pytest

from qwenproxy import sse
from tests.dialects.contents_reading import array, play
from tests.support import cuts, wellformed
from tests.support.answers import written

GOLDEN = Path(__file__).parents[1] / "golden" / "contents"
CASES = sorted(path.name for path in GOLDEN.iterdir())
TYPES = {"qwen.sse": "text/event-stream", "qwen.json": "application/json"}


def answer(case: str) -> Path:
    (found,) = [path for path in (GOLDEN / case).iterdir() if path.name in TYPES]
    return found


@pytest.mark.parametrize("case", CASES)
def test_an_answer_is_the_same_at_every_cut(case: str) -> None:
    path = answer(case)
    data = path.read_bytes()
    expected = orjson.loads((GOLDEN / case / "events.json").read_bytes())
    for pieces in cuts.every_cut(data):
        events = play(pieces, content_type=TYPES[path.name])
        assert [written(event) for event in events] == expected
    wellformed.check(events)


WHOLE = (b"}\n\n", b"}\r\n\r\n")
STREAMS = [case for case in CASES if answer(case).name == "qwen.sse" and answer(case).read_bytes().endswith(WHOLE)]


@pytest.mark.parametrize("case", STREAMS)
def test_the_same_stream_as_an_array_says_the_same(case: str) -> None:
    """What `alt=sse` changes is the framing only."""
    payloads = sse.Decoder().feed(answer(case).read_bytes())
    data = array([orjson.loads(payload) for payload in payloads])
    expected = orjson.loads((GOLDEN / case / "events.json").read_bytes())
    for pieces in cuts.every_cut(data):
        assert [written(event) for event in play(pieces, content_type="application/json")] == expected


@pytest.mark.parametrize("case", CASES)
def test_a_case_says_what_it_is(case: str) -> None:
    assert {path.name for path in (GOLDEN / case).iterdir()} == {answer(case).name, "events.json", "note.md"}
    assert (GOLDEN / case / "note.md").read_text(encoding="utf-8").strip()
