"""DashScope's native protocol read: whatever comes, however it is cut, what goes out is well formed."""

from functools import partial
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import fuzzing
from tests.dialects.dashscope_reading import frame, play

GOLDEN = Path(__file__).parents[1] / "golden" / "dashscope"
ANSWERS = [(path / "qwen.sse").read_bytes() for path in sorted(GOLDEN.iterdir())]
TYPES = st.sampled_from(["text/event-stream", "application/json", "text/html", ""])
FLAGS = st.fixed_dictionaries(
    {"think": st.sampled_from(["off", "start", "inside"]), "rescue_calls": st.booleans(), "content_type": TYPES}
)
PLACES = st.lists(st.integers(1, 2000), max_size=4)


check = partial(fuzzing.check, play)


@given(st.binary(max_size=200), PLACES, FLAGS)
def test_any_bytes(data: bytes, places: list[int], options: dict[str, Any]) -> None:
    check(data, places, options)


@given(
    st.sampled_from(ANSWERS),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=6)), max_size=4),
    PLACES,
    FLAGS,
)
def test_damaged_answers(
    data: bytes, damages: list[tuple[int, bytes]], places: list[int], options: dict[str, Any]
) -> None:
    for at, new in damages:
        data = data[:at] + new + data[at + len(new) // 2 :]
    check(data, places, options)


@given(st.sampled_from(ANSWERS), st.randoms(use_true_random=False), PLACES, FLAGS)
def test_frames_lost_doubled_and_out_of_order(
    data: bytes, random: Any, places: list[int], options: dict[str, Any]
) -> None:
    frames = [part for part in data.split(b"\n\n") for _ in range(random.choice((0, 1, 1, 1, 2)))]
    if random.random() < 0.3:
        random.shuffle(frames)
    check(b"\n\n".join([*frames, b""]), places, options)


@given(st.sampled_from(ANSWERS), st.sampled_from(ANSWERS), st.integers(0, 2000), FLAGS)
def test_one_answer_running_into_another(one: bytes, other: bytes, place: int, options: dict[str, Any]) -> None:
    check(one[:place] + b"\n\n" + other, [place], options)


WORDS = st.sampled_from(
    ["", "Hi", "ha", "<think>", "</think>", "{", "}", '{"a":1}', "now", "lookup", "null", "stop", "[ref_1]", "x" * 70]
)
OUTER = ["output", "usage", "code", "message", "request_id", "status_code", "error", "choices", "text", "search_info"]
INNER = ["index", "finish_reason", "content", "tool_calls", "function", "name", "arguments", "image", "url", "title"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 200) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*OUTER, *INNER]), inner, max_size=4),
    max_leaves=12,
)
FUNCTIONS = st.fixed_dictionaries({}, optional={"name": VALUES, "arguments": VALUES})
CALLS = st.fixed_dictionaries({}, optional={"index": VALUES, "id": VALUES, "function": VALUES | FUNCTIONS})
PARTS = st.fixed_dictionaries({}, optional={"text": VALUES, "image": VALUES})
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": VALUES,
        "content": VALUES | st.lists(PARTS, max_size=3),
        "reasoning_content": VALUES,
        "tool_calls": VALUES | st.lists(CALLS, max_size=3),
    },
)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": VALUES | st.integers(0, 2),
        "message": VALUES | MESSAGES,
        "finish_reason": VALUES | st.sampled_from(["stop", "length", "tool_call", "null"]),
        "logprobs": VALUES,
    },
)
RESULTS = st.lists(st.fixed_dictionaries({}, optional={"index": VALUES, "title": VALUES, "url": VALUES}), max_size=3)
OUTPUTS = st.fixed_dictionaries(
    {},
    optional={
        "choices": VALUES | st.lists(CHOICES, max_size=3),
        "text": VALUES,
        "finish_reason": VALUES,
        "search_info": VALUES | st.fixed_dictionaries({}, optional={"search_results": VALUES | RESULTS}),
    },
)
FRAMES = st.fixed_dictionaries({}, optional={"output": VALUES | OUTPUTS, "usage": VALUES, "code": VALUES})
KINDS = st.tuples(st.sampled_from(["result", "result", "error"]), st.sampled_from([200, 200, 400]))


@given(st.lists(st.tuples(FRAMES, KINDS), max_size=8), PLACES, FLAGS)
def test_any_json_in_any_place(frames: list[Any], places: list[int], options: dict[str, Any]) -> None:
    data = b"".join(frame(body, kind=kind, status=status) for body, (kind, status) in frames)
    check(data, places, options)
    if frames:
        check(orjson.dumps(frames[0][0]), [], options)
