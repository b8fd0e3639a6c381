"""What all readers have in common, by a reader whose objects are words."""

from collections.abc import Sequence

import pytest

from qwenproxy.dialects.reading import Reading, about
from qwenproxy.errors import UPSTREAM_ERROR, UPSTREAM_GARBLED, ProxyError
from qwenproxy.plans import SELF_HOSTED, STANDARD, Plan
from qwenproxy.wire.openai import ChatEvent, Delta, Json


class Words:
    """Each word is an object; "." says that the answer is complete, "?" cannot be read."""

    def __init__(self) -> None:
        self.done = False
        self.trouble: ProxyError | None = None

    def feed(self, data: bytes) -> Sequence[Json]:
        words = data.decode().split()
        self.done = "." in words
        if "?" in words:
            self.trouble = ProxyError(UPSTREAM_GARBLED, "what is this")
        return [{"word": word} for word in words if word not in ".?"]


class Reader(Reading):
    """Says the words; "!" is an error."""

    def __init__(self) -> None:
        super().__init__("text/plain", tools=frozenset(), new_id=lambda: "call", failure=failure)
        self._objects = Words()

    def _object(self, found: Json) -> None:
        if found["word"] == "!":
            self._normaliser.fail(self._error(500, found))
        elif found["word"] == "stop":
            self._normaliser.finish(0, "stop")
        else:
            self._normaliser.content(0, found["word"])


def failure(status: int, headers: object, body: bytes) -> ProxyError:
    return ProxyError(UPSTREAM_ERROR, f"{status} {body.decode()}")


def said(events: Sequence[ChatEvent]) -> list[str]:
    return [
        event.message if isinstance(event, ProxyError) else str(event.finish_reason or event.delta.get("content"))
        for event in events
        if isinstance(event, ProxyError | Delta) and (isinstance(event, ProxyError) or event.delta.get("role") is None)
    ]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((b"a b", b"stop ."), ["a", "b", "stop"]),
        ((b"a stop", b""), ["a", "stop"]),
        ((b"a .",), ["a", "stop"]),
        ((b"a", b""), ["a", "The upstream broke off its answer before it was complete. Please try again."]),
        ((b"a ! b", b"c ."), ["a", '500 {"word":"!"}']),
        ((b"a ?", b"b stop ."), ["a", "what is this"]),
    ],
    ids=["complete", "ended with a finish", "complete without one", "cut", "an error", "unreadable"],
)
def test_the_end_is_told_once_and_nothing_after_it(pieces: tuple[bytes, ...], words: list[str]) -> None:
    reader = Reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    assert said(events) == words
    assert reader.finished
    assert reader.started
    assert reader.feed(b"more") == reader.feed(b"") == []


@pytest.mark.parametrize(("plan", "think", "rescue"), [(STANDARD, "start", False), (SELF_HOSTED, "inside", True)])
def test_text_is_searched_for_leaks_only_where_they_happen(plan: Plan, think: str, rescue: bool) -> None:
    told = about(plan, failure, tools=frozenset(), new_id=lambda: "call", think="inside")
    assert (told.get("think"), told.get("rescue_calls")) == (think, rescue)
