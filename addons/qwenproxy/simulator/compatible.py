"""The OpenAI-like face, as Qwen wears it: the same reply whole or in chunks (qwen-wire B.6, B.7)."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from typing import ClassVar

import orjson

from qwenproxy import sse
from qwenproxy.simulator.answers import EVENTS
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.distortions import DISTORTIONS
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.logprobs import logprobs_of
from qwenproxy.simulator.refusals import Refusal
from qwenproxy.simulator.reply import Call, Choice, Reply
from qwenproxy.simulator.tokens import pieces, steps
from qwenproxy.wire.openai import Head, Json

LISTED = 1_760_000_000
"""The time (Unix s) that the list of models gives for each."""

type Part = tuple[Json, str | None, Json | None]
"""One event of one choice: its delta, finish reason, logprobs."""


class Compatible:
    """The face of one request."""

    name: ClassVar[str] = "compatible"
    distortions: ClassVar[Mapping[str, Distort]] = DISTORTIONS
    without: ClassVar[frozenset[str]] = frozenset({"data-only", "prompt-blocked", "signatures"})
    stream_type = EVENTS

    def chat(self, body: Json) -> Json:
        return body

    def refusal(self, ask: Ask) -> Refusal | None:
        return None

    def whole(self, reply: Reply, ask: Ask, head: Head) -> Json:
        return whole(reply, _named(head))

    def chunks(self, reply: Reply, ask: Ask, head: Head) -> Chunks:
        return chunks(reply, _named(head), include_usage=ask.wants_usage)

    def events(self, chunks: Chunks) -> list[bytes]:
        return [sse.encode(payload) for payload in payloads(chunks)]

    def error(self, refusal: Refusal, request_id: str) -> Json:
        return refusal.error(request_id)


def _named(head: Head) -> Head:
    return head._replace(id=f"chatcmpl-{head.id}")


def whole(reply: Reply, head: Head) -> Json:
    """The answer in one piece."""
    choices = [_choice(index, choice, reply) for index, choice in enumerate(reply.choices)]
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": None,
        "service_tier": None,
        "choices": choices,
        "usage": usage(reply),
    }


def _choice(index: int, choice: Choice, reply: Reply) -> Json:
    message: Json = {"role": "assistant", "content": choice.text}
    if reply.thinks:
        message["reasoning_content"] = choice.thinking
    if choice.calls:
        message["tool_calls"] = [_opening(at, call, call.arguments) for at, call in enumerate(choice.calls)]
    logprobs = logprobs_of(pieces(choice.text), reply.logprobs)
    return {"index": index, "finish_reason": choice.finish, "logprobs": logprobs, "message": message}


def usage(reply: Reply) -> Json:
    """What the answer cost."""
    thought = sum(choice.thinking_tokens for choice in reply.choices)
    answered = sum(choice.answer_tokens for choice in reply.choices)
    text, images = reply.prompt
    prompt: Json = {"cached_tokens": 0}
    if images:
        prompt |= {"text_tokens": text, "image_tokens": images}
    return {
        "prompt_tokens": text + images,
        "completion_tokens": thought + answered,
        "total_tokens": text + images + thought + answered,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": thought, "text_tokens": answered},
    }


def chunks(reply: Reply, head: Head, *, include_usage: bool) -> list[Json]:
    """The answer as a stream's chunks; several choices come by turns."""
    turns = zip_longest(*(_tagged(index, choice, reply) for index, choice in enumerate(reply.choices)))
    told = [_chunk(head, [choice]) for choice in chain.from_iterable(turns) if choice is not None]
    if include_usage:
        told.append(_chunk(head, [], usage(reply)))
    return told


def _chunk(head: Head, choices: list[Json], cost: Json | None = None) -> Json:
    return {
        "id": head.id,
        "object": "chat.completion.chunk",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": None,
        "choices": choices,
        "usage": cost,
    }


def _tagged(index: int, choice: Choice, reply: Reply) -> Iterator[Json]:
    for delta, finish, logprobs in _parts(choice, reply):
        yield {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _parts(choice: Choice, reply: Reply) -> Iterator[Part]:
    first = {"role": "assistant", "content": ""} | ({"reasoning_content": ""} if reply.thinks else {})
    yield first, None, None
    for some in steps(choice.thinking):
        yield {"content": None, "reasoning_content": "".join(some)}, None, None
    for some in steps(choice.text):
        yield _said("".join(some), reply), None, logprobs_of(some, reply.logprobs)
    for index, call in enumerate(choice.calls):
        yield from ((delta, None, None) for delta in _call(index, call))
    yield {} if choice.calls else {"content": ""}, choice.finish, None


def _said(text: str, reply: Reply) -> Json:
    return {"content": text} | ({"reasoning_content": None} if reply.thinks else {})


def _call(index: int, call: Call) -> Iterator[Json]:
    """One call's deltas with the usual accents: later pieces have an empty id, at times an empty name, and one null."""
    yield {"content": None, "tool_calls": [_opening(index, call, "")]}
    for at, some in enumerate(steps(call.arguments)):
        function = {"name": "", "arguments": "".join(some)} if at % 2 == 0 else {"arguments": "".join(some)}
        yield {"tool_calls": [_later(index, function)]}
    yield {"tool_calls": [_later(index, {"arguments": None})]}


def _opening(index: int, call: Call, arguments: str) -> Json:
    return {
        "index": index,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _later(index: int, function: Json) -> Json:
    return {"index": index, "id": "", "type": "function", "function": function}


def payloads(chunks: list[Json]) -> list[bytes]:
    """The stream's events: the chunks and the end; after an error there is none."""
    ends = [] if chunks and "error" in chunks[-1] else [b"[DONE]"]
    return [*(orjson.dumps(chunk) for chunk in chunks), *ends]


def models(ids: Iterable[str]) -> Json:
    """The list of models (D.2)."""
    return {"object": "list", "data": [model(name) for name in ids]}


def model(name: str) -> Json:
    """One entry of it."""
    return {"id": name, "object": "model", "created": LISTED, "owned_by": "system"}
