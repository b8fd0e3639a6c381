"""The OpenAI-like face, as Qwen wears it: the same reply whole or in chunks (qwen-wire B.6, B.7)."""

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

import orjson

from qwenproxy.simulator.reply import Call, Choice, Reply
from qwenproxy.simulator.tokens import pieces
from qwenproxy.wire.openai import Head, Json

STEP = 2
"""Tokens of an event."""

LISTED = 1_760_000_000
"""The time (Unix s) that the list of models gives for each."""

type Part = tuple[Json, str | None, Json | None]
"""One event of one choice: its delta, finish reason, logprobs."""


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
    logprobs = _logprobs(pieces(choice.text), reply.logprobs)
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
    for some in _steps(choice.thinking):
        yield {"content": None, "reasoning_content": "".join(some)}, None, None
    for some in _steps(choice.text):
        yield _said("".join(some), reply), None, _logprobs(some, reply.logprobs)
    for index, call in enumerate(choice.calls):
        yield from ((delta, None, None) for delta in _call(index, call))
    yield {} if choice.calls else {"content": ""}, choice.finish, None


def _said(text: str, reply: Reply) -> Json:
    return {"content": text} | ({"reasoning_content": None} if reply.thinks else {})


def _call(index: int, call: Call) -> Iterator[Json]:
    """One call's deltas with the usual accents: later pieces have an empty id, at times an empty name, and one null."""
    yield {"content": None, "tool_calls": [_opening(index, call, "")]}
    for at, some in enumerate(_steps(call.arguments)):
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


def _steps(text: str) -> Iterator[list[str]]:
    found = pieces(text)
    return (found[at : at + STEP] for at in range(0, len(found), STEP))


def _logprobs(some: list[str], alternatives: int | None) -> Json | None:
    if alternatives is None:
        return None
    return {"content": [_logprob(token, alternatives) for token in some]}


def _logprob(token: str, alternatives: int) -> Json:
    best = {"token": token, "logprob": -0.1, "bytes": list(token.encode())}
    others = [{"token": f"{token}{rank}", "logprob": -3.0 - rank, "bytes": None} for rank in range(1, alternatives)]
    return {**best, "top_logprobs": [best, *others] if alternatives else []}


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
