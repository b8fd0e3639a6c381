"""The sources of a web search, as OpenAI's `url_citation` annotations of the answer.

DashScope lists its sources once, and marks in the text what rests on which as `[ref_1]`, if it is asked to.  A source
that no mark names is cited all the same, of no place in particular: its span is empty, at the start.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qwenproxy.wire.openai import ChatEvent, Delta, Json

MARK = re.compile(r"\[ref_(\d{1,4})\]")
MOST = 500
"""Annotations of one choice."""


class Citations:
    """The sources of one answer, and the text in which they may be marked.

    *placed*: the text has been heard from its start, so that places in it can be told.
    """

    def __init__(self, *, placed: bool) -> None:
        self._placed = placed
        self._sources: dict[int, Json] = {}
        self._texts: dict[int, list[str]] = {}

    def found(self, results: Iterable[Any]) -> None:
        """Takes `search_results`; what was listed before is not listed again."""
        for place, result in enumerate(results, 1):
            if type(result) is dict and type(url := result.get("url")) is str and url and len(self._sources) < MOST:
                number = result.get("index")
                title = result.get("title")
                source = {"title": title if type(title) is str else "", "url": url}
                self._sources.setdefault(number if type(number) is int else place, source)

    def annotate(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """*events* with the annotations of a choice in front of its finish."""
        told: list[ChatEvent] = []
        for event in events:
            if isinstance(event, Delta):
                if event.finish_reason is not None and self._sources:
                    told.append(Delta(event.choice, {"annotations": self._annotations(event.choice)}))
                elif text := event.delta.get("content"):
                    self._texts.setdefault(event.choice, []).append(text)
            told.append(event)
        return told

    def _annotations(self, choice: int) -> list[Json]:
        text = "".join(self._texts.pop(choice, ())) if self._placed else ""
        marks = [mark for mark in MARK.finditer(text) if int(mark[1]) in self._sources][:MOST]
        marked = {int(mark[1]) for mark in marks}
        cited = [_citation(self._sources[int(mark[1])], mark.start(), mark.end()) for mark in marks]
        return cited + [_citation(source, 0, 0) for number, source in self._sources.items() if number not in marked]


def _citation(source: Mapping[str, str], start: int, end: int) -> Json:
    return {"type": "url_citation", "url_citation": {"start_index": start, "end_index": end, **source}}
