"""Reads compatible mode's answers, whole or streamed, into chat events.

Whatever a server makes of OpenAI's protocol is read as far as it makes sense; what does not is passed over.  Nothing
that comes from upstream raises.
"""

from typing import Any, Unpack

import orjson

from qwenproxy import depth
from qwenproxy.dialects.frames import Frames
from qwenproxy.dialects.reading import About, Reading
from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import Json

FAILED_FINISHES = frozenset({"error_finish", "error", "abort"})
"""An answer that ends so has failed; DashScope puts the reason into `delta.content`."""

_STATUSES = ("status_code", "http_status", "status", "code")


class Reader(Reading):
    """One answer of compatible mode, or of anything that speaks OpenAI's chat protocol more or less."""

    def __init__(self, content_type: str, **about: Unpack[About]) -> None:
        super().__init__(content_type, **about)
        self._objects = Frames(content_type, self._stencils)
        self._opened: set[int] = set()
        self._messages = False
        """The stream says `message` where it should say `delta`."""

    def _object(self, chunk: Json) -> None:
        """A chunk, or a whole completion: they differ in `message` for `delta` only."""
        choices = chunk.get("choices")
        if (not choices or chunk.get("error")) and _is_error(chunk):
            self._normaliser.fail(self._error(_status(chunk), chunk))
            return
        if type(counts := chunk.get("usage")) is dict:
            self._normaliser.usage(counts)
        for position, choice in enumerate(_listed(choices)):
            if type(choice) is dict:
                self._choice(choice, position)

    def _choice(self, choice: Json, position: int) -> None:
        if type(index := choice.get("index")) is not int or index < 0:
            index = _index(index, position)
        if type(delta := choice.get("delta")) is not dict:
            delta = self._undelta(choice, index)
        self._delta(index, delta, choice)

    def _delta(self, index: int, delta: Json, choice: Json) -> None:
        """What *choice* says in *delta*, and whether it has ended."""
        normaliser = self._normaliser
        if type(finish := choice.get("finish_reason")) is not str:
            finish = ""
        if finish in FAILED_FINISHES:
            normaliser.fail(self._failed(_text(delta.get("content"))))
            return
        if index not in self._opened and delta.get("role"):
            self._opened.add(index)
            normaliser.open(index)
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            normaliser.reasoning(index, reasoning if type(reasoning) is str else _text(reasoning))
        content, logprobs = delta.get("content"), choice.get("logprobs")
        if content or logprobs:
            self._content(index, content, logprobs)
        if refusal := delta.get("refusal"):
            normaliser.refusal(index, _text(refusal))
        if calls := delta.get("tool_calls") or delta.get("function_call"):
            self._calls(index, calls)
        if finish and finish != "null":
            normaliser.finish(index, finish)

    def _content(self, index: int, content: Any, logprobs: Any) -> None:
        text = content if type(content) is str else _text(content)
        if type(logprobs) is not dict or not any(logprobs.values()):
            logprobs = None
        self._normaliser.content(index, text, logprobs)

    def _undelta(self, choice: Json, index: int) -> Json:
        """What a choice without `delta` says: `message` (whole answers, and badly bridged streams), or legacy `text`.

        A message behind deltas sums them up, and says nothing new.
        """
        message = choice.get("message")
        if type(message) is dict and (self._messages or not self._normaliser.spoken(index)):
            self._messages = True
            return message
        return {"content": choice.get("text")}

    def _calls(self, index: int, calls: Any) -> None:
        """The pieces in `tool_calls`, or the one in legacy `function_call`; some gateways leave out `function`."""
        pieces = [piece for piece in _listed(calls) if type(piece) is dict]
        positions = [_index(piece.get("index"), None) for piece in pieces]
        if len(pieces) > 1 and (None in positions or len(set(positions)) < len(pieces)):  # then their order counts
            positions = list(range(len(pieces)))
        for piece, position in zip(pieces, positions, strict=True):
            function = piece.get("function")
            if type(function) is not dict:
                function = piece
            self._normaliser.call(
                index,
                position,
                _word(piece.get("id")),
                _word(function.get("name")),
                _arguments(function.get("arguments")),
            )

    def _failed(self, text: str) -> ProxyError:
        """The error that an answer broke off with: *text* is an error body, or the message alone."""
        try:
            body = depth.loads(text)
        except ValueError:
            body = None
        if type(body) is not dict:
            message = text or "The upstream ended its answer with an error."
            body = {"error": {"message": message, "type": None, "param": None, "code": None}}
        return self._error(_status(body), body)


def _is_error(chunk: Json) -> bool:
    """Whether a chunk without choices is an error: OpenAI's, DashScope's own, or vLLM's."""
    if chunk.get("error") or chunk.get("status") == "failed" or chunk.get("object") == "error":
        return True
    return "usage" not in chunk and any(type(chunk.get(key)) is str and chunk[key] for key in ("code", "message"))


def _status(body: Json) -> int:
    """The HTTP status that an error body names; 0 if none."""
    error = body.get("error")
    for source in (error, body) if type(error) is dict else (body,):
        for key in _STATUSES:
            value = str(source.get(key))
            if len(value) == 3 and value.isdecimal() and value[0] in "45":
                return int(value)
    return 0


def _index(value: Any, otherwise: Any) -> Any:
    """*value* if it can be an index, else *otherwise*."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else otherwise


def _listed(value: Any) -> list[Any]:
    """A list as it is; one object as a list of it; anything else as none."""
    if type(value) is list:
        return value
    return [value] if type(value) is dict else []


def _text(value: Any) -> str:
    """A text, or the texts of a list of parts."""
    if type(value) is str:
        return value
    parts = (part.get("text") if type(part) is dict else part for part in _listed(value))
    return "".join(part for part in parts if type(part) is str)


def _word(value: Any) -> str:
    """An id or a name; some servers count their ids."""
    return value if type(value) is str else str(value) if type(value) is int else ""


def _arguments(value: Any) -> str:
    """Arguments as JSON text; some servers send the object itself."""
    if value is None or type(value) is str:
        return value or ""
    return orjson.dumps(value).decode()
