"""The output items that hold text: the model's thinking and its messages."""

from collections.abc import Iterable
from typing import Any

from qwenproxy.endpoints.responses.draft import Seal
from qwenproxy.endpoints.responses.stage import Piece, Stage
from qwenproxy.wire.openai import Json

THINKING = "reasoning"
"""The kind of item, and what it is sealed as."""


class Reasoning:
    """Thinking.  *shown*: the app gets it as a summary; *seal*: and sealed, to bring it back."""

    def __init__(self, stage: Stage, *, shown: bool, seal: Seal | None) -> None:
        self._stage = stage
        self._shown = shown
        self._seal = seal
        self._text: list[str] = []

    def open(self) -> None:
        self._id = self._stage.new_id("rs")
        self._stage.begin({"id": self._id, "type": "reasoning", "summary": []})

    def feed(self, piece: Piece) -> None:
        if self._shown and not self._text:
            self._tell("reasoning_summary_part.added", part={"type": "summary_text", "text": ""})
        if self._shown or self._seal is not None:
            self._text.append(piece.text)
        if self._shown:
            self._tell("reasoning_summary_text.delta", delta=piece.text)

    def ready(self) -> bool:
        return True

    def close(self, status: str) -> None:
        text = "".join(self._text)
        item: Json = {"id": self._id, "type": "reasoning", "summary": []}
        if self._shown and text:
            part = {"type": "summary_text", "text": text}
            self._tell("reasoning_summary_text.done", text=text)
            self._tell("reasoning_summary_part.done", part=part)
            item["summary"] = [part]
        if self._seal is not None:
            item["encrypted_content"] = self._seal.close(THINKING, text)
        self._stage.done(item)

    def _tell(self, what: str, **fields: Any) -> None:
        self._stage.tell(what, item_id=self._id, summary_index=0, **fields)


class Message:
    """What the model says: parts of text, and of refusal."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._parts: list[Json] = []
        self._part: Part | None = None

    def open(self) -> None:
        self._id = self._stage.new_id("msg")
        self._stage.begin(self._item("in_progress"))

    def feed(self, piece: Piece) -> None:
        if self._part is None or self._part.kind != piece.kind:
            self._end_part()
            self._part = Part(self._stage, self._id, len(self._parts), piece.kind)
        self._part.feed(piece)

    def ready(self) -> bool:
        return True

    def close(self, status: str) -> None:
        if self._part is None and not self._parts:
            self.feed(Piece(kind="output_text"))
        self._end_part()
        self._stage.done(self._item(status))

    def _end_part(self) -> None:
        if self._part is not None:
            self._parts.append(self._part.close())
            self._part = None

    def _item(self, status: str) -> Json:
        return {"id": self._id, "type": "message", "status": status, "role": "assistant", "content": self._parts.copy()}


class Part:
    """One part of a message: `output_text` or `refusal`."""

    def __init__(self, stage: Stage, item_id: str, index: int, kind: str) -> None:
        self.kind = kind
        self._stage = stage
        self._at = {"item_id": item_id, "content_index": index}
        self._texts: list[str] = []
        self._logprobs: list[Json] = []
        self._annotations: list[Json] = []
        self._tell("content_part.added", part=self._whole())

    def feed(self, piece: Piece) -> None:
        if self.kind == "refusal":
            self._texts.append(piece.text)
            self._tell("refusal.delta", delta=piece.text)
            return
        logprobs = [logprob(told) for told in piece.logprobs]
        self._logprobs += logprobs
        if piece.text:
            self._texts.append(piece.text)
            self._tell("output_text.delta", delta=piece.text, logprobs=logprobs)
        for annotation in piece.annotations:
            self._annotate(annotation)

    def close(self) -> Json:
        """The whole part, once all has been told of it."""
        part = self._whole()
        if self.kind == "refusal":
            self._tell("refusal.done", refusal=part["refusal"])
        else:
            self._tell("output_text.done", text=part["text"], logprobs=self._logprobs)
        self._tell("content_part.done", part=part)
        return part

    def _annotate(self, annotation: Json) -> None:
        inner = annotation.get("url_citation")
        if isinstance(inner, dict):  # as chat completions have it
            annotation = {"type": "url_citation"} | inner
        index = len(self._annotations)
        self._annotations.append(annotation)
        self._tell("output_text.annotation.added", annotation_index=index, annotation=annotation)

    def _whole(self) -> Json:
        text = "".join(self._texts)
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        annotations, logprobs = self._annotations.copy(), self._logprobs.copy()
        return {"type": "output_text", "annotations": annotations, "logprobs": logprobs, "text": text}

    def _tell(self, what: str, **fields: Any) -> None:
        self._stage.tell(what, **self._at, **fields)


def logprob(told: Json) -> Json:
    """One token's log probabilities: as in chat completions, but for bytes, which must be there."""
    others: Iterable[Json] = told.get("top_logprobs") or ()
    return _token(told) | {"top_logprobs": [_token(other) for other in others]}


def _token(told: Json) -> Json:
    token = str(told.get("token", ""))
    raw = told.get("bytes")
    spelled = list(token.encode("utf-8", "replace")) if raw is None else raw
    return {"token": token, "bytes": spelled, "logprob": told.get("logprob", 0.0)}
