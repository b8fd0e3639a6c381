"""Compatible mode read: whatever comes, however it is cut, what goes out is well formed."""

from functools import partial
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy import sse
from tests.dialects import fuzzing
from tests.dialects.reading import play

GOLDEN = Path(__file__).parents[1] / "golden" / "stream"
ANSWERS = [(path / "qwen.sse").read_bytes() for path in sorted(GOLDEN.iterdir())]
TYPES = st.sampled_from(["text/event-stream", "application/json", "text/html", ""])
FLAGS = st.fixed_dictionaries(
    {"think": st.sampled_from(["off", "start", "inside"]), "rescue_calls": st.booleans(), "content_type": TYPES}
)


check = partial(fuzzing.check, play)


PLACES = st.lists(st.integers(1, 2000), max_size=4)


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
def test_events_lost_doubled_and_out_of_order(
    data: bytes, random: Any, places: list[int], options: dict[str, Any]
) -> None:
    events = [event for event in data.split(b"\n\n") for _ in range(random.choice((0, 1, 1, 1, 2)))]
    if random.random() < 0.3:
        random.shuffle(events)
    check(b"\n\n".join([*events, b""]), places, options)


@given(st.sampled_from(ANSWERS), st.sampled_from(ANSWERS), st.integers(0, 2000), FLAGS)
def test_one_answer_running_into_another(one: bytes, other: bytes, place: int, options: dict[str, Any]) -> None:
    check(one[:place] + b"\n\n" + other.replace(sse.DONE, b""), [place], options)


WORDS = st.sampled_from(
    [
        "",
        "Hi",
        "ha",
        "<think>",
        "</think>",
        "<tool_call>",
        "{",
        "}",
        '{"a":1}',
        '"',
        "now",
        "lookup",
        "null",
        "stop",
        "x" * 70,
    ]
)
CHUNK_KEYS = ["choices", "index", "delta", "message", "finish_reason", "usage", "error", "code", "status", "text", "id"]
DELTA_KEYS = ["role", "content", "reasoning", "tool_calls", "function", "name", "arguments", "prompt_tokens_details"]
KEYS = st.sampled_from([*CHUNK_KEYS, *DELTA_KEYS])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 200) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FUNCTIONS = st.fixed_dictionaries({}, optional={"name": VALUES, "arguments": VALUES})
CALLS = st.fixed_dictionaries({}, optional={"index": VALUES, "id": VALUES, "function": VALUES | FUNCTIONS})
SAID = st.fixed_dictionaries(
    {},
    optional={
        "content": VALUES,
        "reasoning_content": VALUES,
        "refusal": VALUES,
        "tool_calls": VALUES | st.lists(CALLS, max_size=3),
        "function_call": VALUES | FUNCTIONS,
    },
)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": VALUES | st.integers(0, 2),
        "delta": VALUES | SAID,
        "message": VALUES | SAID,
        "finish_reason": VALUES | st.sampled_from(["stop", "length", "tool_calls", "error_finish"]),
        "logprobs": VALUES,
    },
)
CHUNKS = st.fixed_dictionaries(
    {}, optional={"choices": VALUES | st.lists(CHOICES, max_size=3), "usage": VALUES, "error": VALUES}
)


@given(st.lists(CHUNKS, max_size=8), st.booleans(), FLAGS)
def test_any_json_in_any_place(chunks: list[Any], done: bool, options: dict[str, Any]) -> None:
    data = b"".join(sse.encode(orjson.dumps(chunk)) for chunk in chunks) + (sse.DONE if done else b"")
    check(data, [], options)
    if chunks:
        check(orjson.dumps(chunks[0]), [], options)
