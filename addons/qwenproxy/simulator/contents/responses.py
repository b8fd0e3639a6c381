"""Answers as GenerateContentResponse objects: the same for a whole answer and for each piece of a stream.

The usage comes with every piece and grows; thoughts are not among the candidates' tokens (qwen-wire E.4).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, zip_longest
from typing import Any, NamedTuple

import orjson

from qwenproxy.simulator.contents.signatures import signature_of
from qwenproxy.simulator.logprobs import logprobs_of
from qwenproxy.simulator.reply import Call, Choice, Reply
from qwenproxy.simulator.tokens import count, pieces, steps
from qwenproxy.wire.openai import Head, Json

FINISHES = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error_finish": "OTHER",
}
MALFORMED = "MALFORMED_FUNCTION_CALL"


class Piece(NamedTuple):
    """A part of one candidate: what it costs as a thought and as an answer, and the tokens that it shows."""

    part: Json | None
    thought: int = 0
    answer: int = 0
    tokens: tuple[str, ...] = ()
    finish: str = ""
    why: str = ""


def whole(reply: Reply, head: Head, *, thoughts: bool) -> Json:
    """The answer in one piece; *thoughts*: they are shown."""
    if reply.blocked:
        return _blocked(reply, head)
    candidates = [_whole(index, choice, reply, thoughts=thoughts) for index, choice in enumerate(reply.choices)]
    thought = sum(choice.thinking_tokens for choice in reply.choices)
    answer = sum(choice.answer_tokens for choice in reply.choices)
    return _response(candidates, head, _usage(reply, thought, answer))


def chunks(reply: Reply, head: Head, *, thoughts: bool) -> list[Json]:
    """The answer as a stream's objects; several candidates come by turns."""
    if reply.blocked:
        return [_blocked(reply, head)]
    turns = zip_longest(*(_tagged(index, choice) for index, choice in enumerate(reply.choices)))
    thought = answer = 0
    told: list[Json] = []
    for index, piece in filter(None, chain.from_iterable(turns)):
        thought, answer = thought + piece.thought, answer + piece.answer
        if thoughts or not piece.thought:
            candidate = _candidate(index, [piece], piece.finish, piece.why, reply.logprobs)
            told.append(_response([candidate], head, _usage(reply, thought, answer)))
    return told


def _tagged(index: int, choice: Choice) -> Iterator[tuple[int, Piece]]:
    return ((index, piece) for piece in _pieces(choice))


def _pieces(choice: Choice) -> Iterator[Piece]:
    for some in steps(choice.thinking):
        yield Piece({"text": "".join(some), "thought": True}, thought=len(some))
    for some in steps(choice.text):
        yield Piece({"text": "".join(some)}, answer=len(some), tokens=tuple(some))
    yield from _called(choice)


def _whole(index: int, choice: Choice, reply: Reply, *, thoughts: bool) -> Json:
    said = [Piece({"text": choice.text}, tokens=tuple(pieces(choice.text)))] if choice.text else []
    thinking = [Piece({"text": choice.thinking, "thought": True})] if thoughts and choice.thinking else []
    *called, last = _called(choice)
    finish = [] if called or said else [last]
    return _candidate(index, [*thinking, *said, *called, *finish], last.finish, last.why, reply.logprobs)


def _called(choice: Choice) -> Iterator[Piece]:
    """The calls and the end.  A call that is no JSON is none: either it was cut off, or the answer ends with it."""
    finish, why = FINISHES.get(choice.finish, choice.finish), ""
    for number, call in enumerate(choice.calls):
        arguments = _arguments(call)
        if arguments is None and choice.finish != "length":
            finish, why = MALFORMED, f"Malformed function call: {call.name}({call.arguments})"
        if arguments is None:
            break
        yield Piece(_call(call, arguments, signed=number == 0), answer=count(call.name) + count(call.arguments))
    yield Piece(None if finish == MALFORMED else {"text": ""}, finish=finish, why=why)


def _call(call: Call, arguments: Json, *, signed: bool) -> Json:
    """A call; one without arguments has no `args` at all."""
    said: Json = {"id": call.id, "name": call.name} | ({"args": arguments} if call.arguments else {})
    return {"functionCall": said} | ({"thoughtSignature": signature_of(call.name, arguments)} if signed else {})


def _arguments(call: Call) -> Json | None:
    try:
        value: Any = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _candidate(index: int, told: list[Piece], finish: str, why: str, alternatives: int | None) -> Json:
    parts = [piece.part for piece in told if piece.part is not None]
    candidate: Json = {"content": {"parts": parts, "role": "model"}} if parts else {"content": {"role": "model"}}
    if finish:
        candidate["finishReason"] = finish
    if why:
        candidate["finishMessage"] = why
    tokens = [token for piece in told for token in piece.tokens]
    if tokens and alternatives is not None:
        candidate["logprobsResult"] = _logprobs(tokens, alternatives)
    return candidate | {"index": index}


def _logprobs(tokens: list[str], alternatives: int) -> Json:
    told = logprobs_of(tokens, alternatives) or {}
    chosen = [_logprob(one) for one in told["content"]]
    tops = [{"candidates": [_logprob(other) for other in one["top_logprobs"]]} for one in told["content"]]
    return {"topCandidates": tops, "chosenCandidates": chosen}


def _logprob(one: Json) -> Json:
    return {"token": one["token"], "logProbability": one["logprob"]}


def _response(candidates: list[Json], head: Head, usage: Json) -> Json:
    made = datetime.fromtimestamp(head.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer: Json = {"candidates": candidates} if candidates else {}
    return answer | {"usageMetadata": usage, "modelVersion": head.model, "responseId": head.id, "createTime": made}


def _usage(reply: Reply, thought: int, answer: int) -> Json:
    """What it cost so far; zeros are left out."""
    text, images = reply.prompt
    details = [{"modality": kind, "tokenCount": cost} for kind, cost in (("TEXT", text), ("IMAGE", images)) if cost]
    counts = {
        "promptTokenCount": text + images,
        "candidatesTokenCount": answer,
        "thoughtsTokenCount": thought,
        "totalTokenCount": text + images + thought + answer,
    }
    return {name: cost for name, cost in counts.items() if cost} | {"promptTokensDetails": details}


def _blocked(reply: Reply, head: Head) -> Json:
    """No candidates: the prompt itself is refused."""
    return {"promptFeedback": {"blockReason": reply.blocked}} | _response([], head, _usage(reply, 0, 0))
