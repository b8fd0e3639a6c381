"""POST /v1/completions, the legacy one: what the app asked, and its answer, whole or streamed."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson
from pydantic import TypeAdapter

from qwenproxy import sse
from qwenproxy.endpoints import middle, validation
from qwenproxy.endpoints.chat import error_event
from qwenproxy.endpoints.collector import collect
from qwenproxy.endpoints.completion_fields import Draft, settle
from qwenproxy.endpoints.former_logprobs import FormerLogprobs
from qwenproxy.endpoints.prompts import prompts
from qwenproxy.errors import UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.completions import CompletionRequest
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json, Usage

CHECKER = TypeAdapter(CompletionRequest)

FINISHES = frozenset({"stop", "length", "content_filter"})
GARBLED = ProxyError(UPSTREAM_GARBLED, "The upstream's answer cannot be written as JSON.")


class Gap(NamedTuple):
    """A text with a gap, in the model's own words.  *asked*: by `suffix`, so nothing else would be an answer."""

    prompt: str
    asked: bool


class Prompt(NamedTuple):
    """One prompt as a chat request, and the gap that it has, if it has one."""

    chat: Json
    gap: Gap | None


class Form(NamedTuple):
    """How an app wants its answer."""

    prompts: Sequence[str]
    each: int
    """Choices for each prompt."""
    echo: bool
    logprobs: int | None
    usage: bool

    def prompt_of(self, choice: int) -> str:
        return self.prompts[choice // self.each % len(self.prompts)]

    def said_first(self, choice: int) -> str:
        return self.prompt_of(choice) if self.echo else ""

    def logprobs_of(self, choice: int) -> FormerLogprobs:
        return FormerLogprobs(len(self.prompt_of(choice)), self.logprobs or 0)


class CompletionCall:
    """One request.  *refuse*: what cannot be honoured is refused, not left out.

    Choice k is of the prompt k // `each`.  Raises ProxyError for a body that is no completion request.
    """

    sums_up = False

    def __init__(self, body: bytes, *, refuse: bool = False) -> None:
        asked = checked(body)
        draft = Draft(asked, refuse)
        self.each: int = asked.get("n") or 1
        texts = prompts(asked.get("prompt"), self.each)
        settle(draft)
        self.model: str = asked["model"]
        self.stream = bool(asked.get("stream"))
        self.dropped: Sequence[str] = draft.dropped
        self.prompts = [prompt(draft.chat, text, asked.get("suffix")) for text in texts]
        self.chat = self.prompts[0].chat
        usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        self._form = Form(texts, self.each, bool(asked.get("echo")), asked.get("logprobs"), usage)
        validation.check(self.chat)  # fields that OpenAI's legacy completions never had came in unchecked

    def writer(self, head: Head) -> "CompletionWriter":
        return CompletionWriter(head, self._form)

    def whole(self, head: Head, events: Sequence[ChatEvent]) -> Json:
        """The `text_completion` that *events* add up to."""
        answer = collect(events)
        answer["choices"] = [whole_choice(choice, self._form) for choice in answer["choices"]]
        return fixed(head) | answer


class CompletionWriter:
    """Writes the chunks of one answer."""

    def __init__(self, head: Head, form: Form) -> None:
        self._form = form
        self._start = b"data: " + orjson.dumps(fixed(head))[:-1] + b',"choices":['
        self._stop = b'],"usage":null}\n\n' if form.usage else b"]}\n\n"
        self._logprobs: dict[int, FormerLogprobs] = {}
        self._over = False

    def write(self, events: Sequence[ChatEvent]) -> bytes:
        """Chunks for *events*; after an error nothing more."""
        out: list[bytes] = []
        for event in events:
            if self._over:
                break
            try:
                out.append(self._written(event))
            except orjson.JSONEncodeError:  # half a surrogate pair, for one
                out.append(self._error(GARBLED))
        return b"".join(out)

    def end(self) -> bytes:
        """`[DONE]`, unless the stream is over already."""
        over, self._over = self._over, True
        return b"" if over else sse.DONE

    def _written(self, event: ChatEvent) -> bytes:
        if isinstance(event, Delta):
            return self._chunk(event)
        if isinstance(event, Usage):
            return self._start + b'],"usage":' + orjson.dumps(event.usage) + b"}\n\n" if self._form.usage else b""
        return self._error(event)

    def _chunk(self, piece: Delta) -> bytes:
        choice = piece.choice
        text = text_of(piece.delta)
        if choice not in self._logprobs:
            self._logprobs[choice] = self._form.logprobs_of(choice)
            text = self._form.said_first(choice) + text
        logprobs = self._logprobs[choice].shaped(piece.logprobs)
        if not text and logprobs is None and piece.finish_reason is None:
            return b""
        told = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": finish(piece.finish_reason)}
        return self._start + orjson.dumps(told) + self._stop

    def _error(self, error: ProxyError) -> bytes:
        self._over = True
        return error_event(error)


def checked(body: bytes) -> Json:
    """The request in *body*.  Raises ProxyError."""
    asked: Json = validation.parse(body)
    validation.conform(asked, CHECKER)
    return asked


def prompt(chat: Json, text: str, suffix: str | None) -> Prompt:
    """*text* with all that *chat* says besides."""
    gap = None
    if suffix:
        gap = Gap(middle.around(text, suffix), asked=True)
    elif middle.is_gap(text):
        gap = Gap(text, asked=False)
    return Prompt(chat | {"messages": [{"role": "user", "content": text}]}, gap)


def whole_choice(choice: Json, form: Form) -> Json:
    """A choice of a chat completion as one of a legacy one."""
    index, message = choice["index"], choice["message"]
    return {
        "text": form.said_first(index) + text_of(message),
        "index": index,
        "logprobs": form.logprobs_of(index).shaped(choice["logprobs"]),
        "finish_reason": finish(choice["finish_reason"]),
    }


def text_of(said: Json) -> str:
    """What a message or a delta says in words, a refusal among them."""
    words: Iterable[str | None] = (said.get("content"), said.get("refusal"))
    return "".join(word for word in words if word)


def finish(reason: str | None) -> str | None:
    """The three reasons that legacy completions know."""
    return reason if reason is None or reason in FINISHES else "stop"


def fixed(head: Head) -> Json:
    """What is the same in every chunk of an answer, and in the whole of it."""
    return {
        "id": head.id,
        "object": "text_completion",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": None,
    }
