"""The contents format read: whatever comes, however it is cut, what goes out is well formed."""

from functools import partial
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import fuzzing
from tests.dialects.contents_reading import array, play, stream
from tests.support.answers import written

GOLDEN = Path(__file__).parents[1] / "golden" / "contents"
ANSWERS = [path.read_bytes() for case in sorted(GOLDEN.iterdir()) for path in case.glob("qwen.*")]
OPTIONS = st.fixed_dictionaries(
    {
        "content_type": st.sampled_from(["text/event-stream", "application/json", "text/html", ""]),
        "rescue_calls": st.booleans(),
    }
)
PLACES = st.lists(st.integers(1, 2000), max_size=4)


check = partial(fuzzing.check, play)


@given(st.sampled_from([b"", b"[", b"[{", b'[{"candidates":[']), st.binary(max_size=200), PLACES, OPTIONS)
def test_any_bytes(start: bytes, data: bytes, places: list[int], options: dict[str, Any]) -> None:
    check(start + data, places, options)


@given(
    st.sampled_from(ANSWERS),
    st.lists(st.tuples(st.integers(0, 1500), st.binary(max_size=6)), max_size=4),
    PLACES,
    OPTIONS,
)
def test_damaged_answers(
    data: bytes, damages: list[tuple[int, bytes]], places: list[int], options: dict[str, Any]
) -> None:
    for at, new in damages:
        data = data[:at] + new + data[at + len(new) // 2 :]
    check(data, places, options)


@given(st.sampled_from(ANSWERS), st.sampled_from(ANSWERS), st.integers(0, 1500), PLACES, OPTIONS)
def test_one_answer_running_into_another(
    one: bytes, other: bytes, place: int, places: list[int], options: dict[str, Any]
) -> None:
    check(one[:place] + b"\n\n" + other, places, options)


WORDS = st.sampled_from(
    ["", "Hi", "<think>", "</think>", "{", "]", '"', "\\", "now", "lookup", "null", "STOP", "SAFETY", "```", "x" * 70]
)
CANDIDATE_KEYS = ["candidates", "content", "parts", "text", "thought", "index", "finishReason", "name", "args", "id"]
OTHER_KEYS = ["error", "code", "message", "usageMetadata", "totalTokenCount", "promptFeedback", "blockReason"]
KEYS = st.sampled_from([*CANDIDATE_KEYS, *OTHER_KEYS])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 200) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def some(**fields: Any) -> Any:
    """An object with any of *fields*, each of its kind or anything else."""
    return st.fixed_dictionaries({}, optional={name: kind | VALUES for name, kind in fields.items()})


CALLS = some(id=WORDS, name=st.sampled_from(["now", "lookup"]), args=st.dictionaries(WORDS, WORDS, max_size=2))
DATA = some(mimeType=st.sampled_from(["image/png", "audio/wav"]), data=WORDS, fileUri=WORDS, code=WORDS, output=WORDS)
PARTS = some(
    text=WORDS,
    thought=st.booleans(),
    thoughtSignature=WORDS,
    functionCall=CALLS,
    inlineData=DATA,
    fileData=DATA,
    executableCode=DATA,
    codeExecutionResult=DATA,
)
TOKENS = some(token=WORDS, logProbability=st.floats(-9, 0))
CANDIDATES = some(
    content=some(parts=st.lists(PARTS | VALUES, max_size=3)),
    index=st.integers(0, 2),
    finishReason=st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER"]),
    finishMessage=WORDS,
    logprobsResult=some(chosenCandidates=st.lists(TOKENS, max_size=2), topCandidates=st.lists(VALUES, max_size=2)),
)
COUNTS = st.dictionaries(
    st.sampled_from(["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"]),
    st.integers(0, 99),
)
RESPONSES = some(
    candidates=st.lists(CANDIDATES, max_size=3), usageMetadata=COUNTS, promptFeedback=some(blockReason=WORDS)
)


@given(st.lists(RESPONSES, max_size=8), PLACES, OPTIONS)
def test_any_json_in_any_place(responses: list[Any], places: list[int], options: dict[str, Any]) -> None:
    check(stream(*responses), places, options)
    check(array(responses), places, options)
    if responses:
        check(orjson.dumps(responses[0]), places, options)


@given(st.lists(RESPONSES, max_size=6))
def test_both_framings_say_the_same(responses: list[Any]) -> None:
    if responses:
        events = [written(event) for event in play([stream(*responses)])]
        assert [written(event) for event in play([array(responses)])] == events
