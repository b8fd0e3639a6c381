"""Compatible mode read: one and the same answer in every style that servers have of streaming it."""

from itertools import pairwise
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qwenproxy import sse
from qwenproxy.wire.openai import Json
from tests.dialects.reading import STREAM, chunk, play
from tests.support.answers import Answer

NAMES = st.sampled_from(["get_weather", "lookup", "now"])
TEXT = st.text('ab {}[]"\\\n<>|é🌍', max_size=40).filter(lambda text: not text.lstrip().startswith("<"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text("ab", max_size=2), VALUES, max_size=2)


class Said(NamedTuple):
    """What an answer says."""

    reasoning: str
    content: str
    calls: list[tuple[str, str]]
    """Names and arguments."""


ANSWERS = st.builds(
    Said,
    TEXT,
    TEXT,
    st.lists(st.tuples(NAMES, OBJECTS.map(lambda value: orjson.dumps(value).decode())), max_size=3),
)


class Style(NamedTuple):
    """How a server streams a call."""

    ids: str = "first"
    indexes: str = "right"
    names: str = "first"
    """In the first piece; in every piece; in the last one."""
    cumulative: bool = False
    opening: bool = True
    """The first piece has no arguments."""


STYLES = {
    "OpenAI": Style(),
    "compatible mode": Style(ids="first, then empty"),
    "all at once": Style(opening=False),
    "everything repeated": Style(ids="always", names="always"),
    "SGLang": Style(ids="always", indexes="zero"),
    "lmdeploy": Style(ids="first, then empty", indexes="zero"),
    "old vLLM": Style(ids="new"),
    "no index": Style(indexes="none"),
    "no id": Style(ids="never"),
    "no id, the index always 0": Style(ids="never", indexes="zero", opening=False),
    "no id and no index": Style(ids="never", indexes="none", opening=False),
    "names last": Style(ids="always", names="last"),
    "names last, by index": Style(ids="never", names="last"),
    "cumulative": Style(ids="always", names="always", cumulative=True),
    "cumulative, by index": Style(ids="never", cumulative=True),
    "cumulative, by id": Style(ids="always", indexes="zero", cumulative=True),
}


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place for place in places if place < len(text))})
    return [text[start:end] for start, end in pairwise(edges)]


def id_of(style: Style, at: int, piece: int) -> Json:
    ids = {
        "first": {"id": f"x{at}"} if piece == 0 else {},
        "first, then empty": {"id": f"x{at}" if piece == 0 else ""},
        "always": {"id": f"x{at}"},
        "new": {"id": f"x{at}.{piece}"},
        "never": {},
    }
    return ids[style.ids]


def pieces_of(style: Style, at: int, name: str, arguments: str, places: list[int]) -> list[Json]:
    """The entries of `tool_calls` that make the call number *at*."""
    texts = cut(arguments, places)
    if style.cumulative:
        texts = ["".join(texts[: end + 1]) for end in range(len(texts))]
    texts = ["", *texts] if style.opening else texts
    index = {"right": {"index": at}, "zero": {"index": 0}, "none": {}}[style.indexes]
    named = {"first": {0}, "always": set(range(len(texts))), "last": {len(texts) - 1}}[style.names]
    return [
        id_of(style, at, number)
        | index
        | {"type": "function", "function": {"arguments": text} | ({"name": name} if number in named else {})}
        for number, text in enumerate(texts)
    ]


def streamed(said: Said, style: Style, places: list[int]) -> bytes:
    texts = {"reasoning_content": said.reasoning, "content": said.content}
    deltas: list[Any] = [{name: piece} for name, text in texts.items() for piece in cut(text, places) if piece]
    for at, (name, arguments) in enumerate(said.calls):
        deltas += [{"tool_calls": [piece]} for piece in pieces_of(style, at, name, arguments, places)]
    return b"".join([chunk(delta) for delta in deltas] + [chunk({}, "tool_calls" if said.calls else "stop"), sse.DONE])


def check(answer: Answer, said: Said) -> None:
    assert answer.error is None
    assert (answer.reasoning, answer.content) == (said.reasoning, said.content)
    assert [(name, arguments) for _, name, arguments in answer.calls] == said.calls
    assert answer.finish == ("tool_calls" if said.calls else "stop")


def looks_cumulative(said: Said, places: list[int]) -> bool:
    """Whether the text itself, cut like this, is what a cumulative stream looks like."""
    texts = (cut(said.reasoning, places), cut(said.content, places))
    return any(len(text) > 3 and all(b.startswith(a) for a, b in pairwise(text[:4])) for text in texts)


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
@given(said=ANSWERS, places=st.lists(st.integers(1, 40), max_size=8))
def test_an_answer_is_the_same_in_every_style(style: Style, said: Said, places: list[int]) -> None:
    assume(not looks_cumulative(said, places))
    check(Answer(play([streamed(said, style, places)])), said)


@given(ANSWERS, st.booleans())
def test_a_whole_answer_is_the_same(said: Said, ids: bool) -> None:
    calls = [
        {"type": "function", "function": {"name": name, "arguments": arguments}} | ({"id": f"x{at}"} if ids else {})
        for at, (name, arguments) in enumerate(said.calls)
    ]
    message = {"role": "assistant", "content": said.content, "reasoning_content": said.reasoning, "tool_calls": calls}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    check(Answer(play([orjson.dumps(body)], content_type=STREAM)), said)
