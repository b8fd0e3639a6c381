"""Whatever a reader tells the normaliser, in whatever order, comes out well formed."""

from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects.normaliser import Normaliser
from qwenproxy.wire.openai import ChatEvent
from tests.support import wellformed
from tests.support.answers import numbered_ids

WORDS = st.sampled_from(
    ["", "a", "ha", "haha", "<think>", "</think>", "\n", "{", '{"a":1}', '"', "}", "look", "x" * 70]
)
INDEX = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("open"), INDEX),
    st.tuples(st.just("content"), INDEX, WORDS, st.none() | st.just({"content": [1]})),
    st.tuples(st.just("reasoning"), INDEX, WORDS),
    st.tuples(st.just("refusal"), INDEX, WORDS),
    st.tuples(
        st.just("call"),
        INDEX,
        st.none() | INDEX,
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["", "look", "roll"]),
        WORDS,
    ),
    st.tuples(st.just("finish"), INDEX, st.sampled_from(["stop", "length", "tool_calls", "null", "?"])),
    st.tuples(st.just("usage"), st.dictionaries(WORDS, st.none() | st.integers() | WORDS)),
)


@given(st.lists(STEPS, max_size=40), st.booleans(), st.booleans(), st.integers(0, 40))
def test_whatever_is_said_in_whatever_order_comes_out_well_formed(
    steps: list[tuple[object, ...]], complete: bool, rescue: bool, drained: int
) -> None:
    normaliser = Normaliser(frozenset({"look", "roll"}), new_id=numbered_ids(), rescue_calls=rescue)
    events: list[ChatEvent] = []
    for number, (name, *values) in enumerate(steps):
        getattr(normaliser, str(name))(*values)
        if number == drained:
            events += normaliser.drain()
    normaliser.end(complete=complete)
    events += normaliser.drain()
    wellformed.check(events)
    assert normaliser.finished
