"""The face of generateContent and streamGenerateContent, for one request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import orjson

from qwenproxy import sse
from qwenproxy.simulator.answers import EVENTS, JSON
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.contents import generation, refusals, responses, signatures
from qwenproxy.simulator.contents.distortions import DISTORTIONS
from qwenproxy.simulator.contents.request import chat_of, known, read
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.markers import markers_in, markers_of
from qwenproxy.simulator.refusals import Refusal
from qwenproxy.simulator.reply import Reply
from qwenproxy.wire.openai import Head, Json

UNSAID = frozenset({"no-done", "error-finish", "finish-stop"})
"""There is no [DONE] here, no such finish, and `STOP` is how calls end."""

FRAMED = frozenset(
    {"comments", "event-lines", "crlf", "cr", "no-space", "data-only", "data-lines", "sse-error", "raw-error"}
)
"""What is about the framing of events."""

SHOWN = "include_thoughts"
"""The chat's field for whether thoughts are shown."""


@dataclass(frozen=True)
class Contents:
    """A request for the model that its path names; whole, or with *stream* an event stream."""

    name: ClassVar[str] = "contents"
    distortions: ClassVar[Mapping[str, Distort]] = DISTORTIONS
    without: ClassVar[frozenset[str]] = UNSAID

    model: str
    stream: bool = False

    @property
    def stream_type(self) -> str:
        return EVENTS

    def chat(self, body: Json) -> Json:
        known(markers_of(self.model)[0], "generateContent")
        request = read(body, "GenerateContentRequest")
        shown = generation.shows_thoughts(request.get("generation_config", {}))
        return {**chat_of(request), "model": self.model, "stream": self.stream, SHOWN: shown}

    def refusal(self, ask: Ask) -> Refusal | None:
        demanded = any(marker.name == "signatures" for marker in markers_in(ask.said))
        said = signatures.complaint(ask.messages, demanded=demanded)
        return None if said is None else refusals.wrong(said)

    def whole(self, reply: Reply, ask: Ask, head: Head) -> Json:
        return responses.whole(reply, head, thoughts=ask.chat[SHOWN])

    def chunks(self, reply: Reply, ask: Ask, head: Head) -> Chunks:
        return responses.chunks(reply, head, thoughts=ask.chat[SHOWN])

    def events(self, chunks: Chunks) -> list[bytes]:
        return [sse.encode(orjson.dumps(chunk)) for chunk in chunks]

    def error(self, refusal: Refusal, request_id: str) -> Json:
        return refusals.error(refusal, request_id)


class ContentsArray(Contents):
    """A stream without `alt=sse`: one JSON array, element by element."""

    without: ClassVar[frozenset[str]] = UNSAID | FRAMED

    @property
    def stream_type(self) -> str:
        return JSON

    def events(self, chunks: Chunks) -> list[bytes]:
        """The elements as Google parts them."""
        texts = [orjson.dumps(chunk, option=orjson.OPT_INDENT_2) for chunk in chunks]
        return [*((b",\r\n" if at else b"[") + text for at, text in enumerate(texts)), b"\n]\n" if texts else b"[]\n"]
