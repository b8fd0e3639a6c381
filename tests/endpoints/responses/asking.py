"""Responses requests, and what comes of them."""

from collections.abc import Sequence
from typing import Any

import orjson

from qwenproxy.endpoints.responses.call import ResponsesCall
from qwenproxy.endpoints.responses.draft import Draft
from qwenproxy.sealing import Keyring, OwnersSeal
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json
from tests.support import responses

SEAL = OwnersSeal(Keyring(["k" * 32]), "ann")
"""Seals what Ann carries."""
HEAD = Head("resp_" + "0123456789ab" * 4, "gpt-5", 1_700_000_000)
STEM = ("0123456789ab" * 4)[:40]
NOTHING: Json = {"type": "object", "properties": {}}


def asking(said: Any = "Hi", **fields: Any) -> Json:
    return {"model": "gpt-5", "input": said} | fields


def ask(said: Any = "Hi", *, options: Json | None = None, **fields: Any) -> ResponsesCall:
    """The call for a request; *options*: of the call itself."""
    return ResponsesCall(orjson.dumps(asking(said, **fields)), **(options or {}))


def draft(said: Any = "Hi", *, refuse: bool = False, **fields: Any) -> Draft:
    return Draft(asking(said, **fields), refuse)


def function(name: str, **fields: Any) -> Json:
    return {"type": "function", "name": name, "parameters": NOTHING, "strict": False} | fields


def custom(name: str, **fields: Any) -> Json:
    return {"type": "custom", "name": name} | fields


def stream_of(call: ResponsesCall, events: Sequence[ChatEvent], size: int = 1) -> bytes:
    """What *call* writes of *events*, which come *size* at a time."""
    writer = call.writer(HEAD)
    return b"".join(writer.write(events[at : at + size]) for at in range(0, len(events), size)) + writer.end()


def told(call: ResponsesCall, events: Sequence[ChatEvent]) -> list[Json]:
    """The events of the whole stream, checked."""
    found = responses.read(stream_of(call, events))
    responses.check(found)
    return found


def output(call: ResponsesCall, *events: ChatEvent) -> list[Json]:
    """The output items, in short: without ids and status."""
    whole = call.whole(HEAD, events)
    responses.validate_response(whole)
    return [{name: value for name, value in item.items() if name not in ("id", "status")} for item in whole["output"]]


def calling(index: int, name: str, arguments: str = "") -> Delta:
    """The first piece of a call."""
    function = {"name": name, "arguments": arguments}
    return Delta(0, {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]})


def more(index: int, arguments: str) -> Delta:
    """A further piece of a call."""
    return Delta(0, {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})


def text(words: str, kind: str = "content") -> Delta:
    return Delta(0, {kind: words})


STOP = Delta(0, {}, "stop")
CALLED = Delta(0, {}, "tool_calls")
LENGTH = Delta(0, {}, "length")
