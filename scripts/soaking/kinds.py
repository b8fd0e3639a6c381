"""The kinds of exchanges: what the app asks, what the upstream says, and whether the answer is that of the request.

A request names itself by a number, `<<17>>`, in its prompt; every piece of its answer names it too.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

NAME = re.compile(rb"<<(\d+)>>")
MODEL = "qwen3-coder-plus"
PIECES = 20
"""Events of a streamed answer."""
SECRET = "prompt-PRIVATE"
"""Stands in every prompt: no log line may have it."""
REFUSE, CALL = "refuse", "call"
"""Orders to the upstream, in a prompt."""
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
DONE = b"data: [DONE]\n\n"


def name(number: int) -> str:
    return f"<<{number}>>"


class Kind(NamedTuple):
    """*weight*: how many of 100 exchanges are of this kind.  *end*: how the body of a good answer ends, if it is told
    by that.  *leaves*: the app goes away as soon as the answer has begun."""

    title: str
    weight: int
    path: str
    body: Callable[[str], dict[str, object]]
    status: int = 200
    end: bytes = b""
    leaves: bool = False


def _chat(order: str = "", **more: object) -> Callable[[str], dict[str, object]]:
    return lambda named: {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"{named} {order} {SECRET}"}],
        **more,
    }


def _input(**more: object) -> Callable[[str], dict[str, object]]:
    return lambda named: {"model": MODEL, "input": f"{named} {SECRET}", "store": False, **more}


CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
KINDS: Sequence[Kind] = (
    Kind("chat, whole", 25, CHAT, _chat()),
    Kind("chat, streamed", 25, CHAT, _chat(stream=True), end=DONE),
    Kind("chat, a tool called", 10, CHAT, _chat(CALL, tools=[TOOL])),
    Kind("chat, a tool called, streamed", 10, CHAT, _chat(CALL, tools=[TOOL], stream=True), end=DONE),
    Kind("responses, whole", 7, RESPONSES, _input()),
    Kind("responses, streamed", 7, RESPONSES, _input(stream=True), end=b"}\n\n"),
    Kind("embeddings", 6, "/v1/embeddings", lambda named: {"model": "text-embedding-v4", "input": named}),
    Kind("refused by the upstream", 5, CHAT, _chat(REFUSE), status=400),
    Kind("the app leaves in mid-stream", 5, CHAT, _chat(stream=True), leaves=True),
)
TURNS: Sequence[Kind] = tuple(
    kind for _, kind in sorted((place / kind.weight, kind) for kind in KINDS for place in range(kind.weight))
)
"""A hundred exchanges, the kinds well mixed."""


def kind_of(number: int) -> Kind:
    return TURNS[number % len(TURNS)]


def fault(number: int, status: int, body: bytes) -> str:
    """What is wrong with an answer to request *number*; "" if nothing is."""
    kind = kind_of(number)
    if status != kind.status:
        return f"status {status}"
    if not kind.leaves and not body.endswith(kind.end):
        return "it is not whole"
    if kind.path == "/v1/embeddings":
        named = {int(orjson.loads(body)["data"][0]["embedding"][0])}
    else:
        named = {int(found) for found in NAME.findall(body)}
    return "" if named == {number} else f"it names {sorted(named)[:5]}"


def answer(path: str, body: bytes) -> tuple[int, str, bytes]:
    """What the upstream says: status, content type, body."""
    asked = orjson.loads(body)
    if path.endswith("/embeddings"):
        return 200, "application/json", _vectors(asked["input"])
    prompt = asked["messages"][-1]["content"]
    named = NAME.search(prompt.encode())
    own = named[0].decode() if named else "nobody"
    if REFUSE in prompt:
        message = {"message": f"{own} asks too much", "type": "invalid_request_error", "param": None, "code": "no"}
        return 400, "application/json", orjson.dumps({"error": message})
    deltas = _deltas(own, calls=CALL in prompt)
    finish = "tool_calls" if CALL in prompt else "stop"
    if asked.get("stream"):
        return 200, "text/event-stream", b"".join([*(_event(delta) for delta in deltas), _event({}, finish), DONE])
    said = deltas[0] if CALL in prompt else {"role": "assistant", "content": f"{own} " * PIECES}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    return 200, "application/json", orjson.dumps({"id": "1", "object": "chat.completion", "choices": [choice]})


def _vectors(inputs: object) -> bytes:
    texts = inputs if isinstance(inputs, list) else [inputs]
    numbers = [int(found[1]) if (found := NAME.search(str(text).encode())) else -1 for text in texts]
    data = [{"object": "embedding", "index": at, "embedding": [float(n), 0.5]} for at, n in enumerate(numbers)]
    return orjson.dumps({"object": "list", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}})


def _deltas(own: str, *, calls: bool) -> list[dict[str, object]]:
    if not calls:
        return [{"role": "assistant", "content": f"{own} "} for _ in range(PIECES)]
    function = {"name": "look", "arguments": orjson.dumps({"at": own}).decode()}
    call = {"index": 0, "id": f"call_{own}", "type": "function", "function": function}
    return [{"role": "assistant", "content": None, "tool_calls": [call]}]


def _event(delta: dict[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"
