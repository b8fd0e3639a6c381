"""The contents of a request as chat messages, and what Google says against them.

Calls and results are paired by their ids, or where they have none by their places.
"""

from collections.abc import Iterator
from itertools import pairwise

import orjson

from qwenproxy.simulator.contents.media import part_of
from qwenproxy.simulator.contents.signatures import FIELD
from qwenproxy.wire.openai import Json

ROLES = ("user", "model")
PLACE = "* GenerateContentRequest.contents"
CALL_FIRST = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
)
RESPONSE_FIRST = "Please ensure that function response turn comes immediately after a function call turn."
AS_MANY = (
    "Please ensure that the number of function response parts is equal to the number of function call parts of the "
    "function call turn."
)
USER_LAST = "Please ensure that multiturn requests ends with a user role or a function response."
CALLS_ARE_THE_MODELS = "Please ensure that function call parts are in turns of the model."


def complaint(contents: list[Json]) -> str | None:
    """What is wrong with the turns."""
    if not contents:
        return f"{PLACE}: contents is not specified\n"
    return next(_odd_contents(contents), None) or next(_odd_turns(contents), None)


def _odd_contents(contents: list[Json]) -> Iterator[str]:
    """Complaints about single contents."""
    for at, content in enumerate(contents):
        if content.get("role", "user") not in ROLES:
            yield "Please use a valid role: user, model."
        if not content.get("parts"):
            yield f"{PLACE}[{at}].parts: contents.parts must not be empty.\n"
        for number, part in enumerate(content.get("parts", ())):
            place = f"{PLACE}[{at}].parts[{number}]"
            if not set(part) & DATA:
                yield f"{place}.data: required oneof field 'data' must have one initialized field\n"
            for kind in ("function_call", "function_response"):
                if kind in part and not part[kind].get("name"):
                    yield f"{place}.{kind}.name: Name cannot be empty.\n"


DATA = frozenset({"text", "inline_data", "file_data", "function_call", "function_response"})
DATA |= {"executable_code", "code_execution_result", "tool_call", "tool_response"}


def _odd_turns(contents: list[Json]) -> Iterator[str]:
    """Complaints about what follows what."""
    for before, content in pairwise([{}, *contents]):
        calls, results = _count(before, "function_call"), _count(content, "function_response")
        if results and not calls:
            yield RESPONSE_FIRST
        elif results != calls:
            yield AS_MANY
        if _count(content, "function_call"):
            if not _is_model(content):
                yield CALLS_ARE_THE_MODELS
            if not before or _is_model(before):
                yield CALL_FIRST
    if _is_model(contents[-1]):
        yield AS_MANY if _count(contents[-1], "function_call") else USER_LAST


def _count(content: Json, kind: str) -> int:
    return sum(kind in part for part in content.get("parts", ()))


def _is_model(content: Json) -> bool:
    return bool(content.get("role") == "model")


def messages_of(contents: list[Json]) -> list[Json]:
    """The chat's messages; for contents that nothing can be said against.  Raises ValueError for unknown media."""
    messages: list[Json] = []
    for at, content in enumerate(contents):
        if _is_model(content):
            messages.append(_said(content, at))
        else:
            calls = messages[-1].get("tool_calls", []) if messages else []
            messages += [*_results(content, calls), *_asked(content)]
    return messages


def _said(content: Json, at: int) -> Json:
    """A turn of the model."""
    parts = content["parts"]
    texts = [part for part in parts if "text" in part]
    message: Json = {
        "role": "assistant",
        "content": "".join(part["text"] for part in texts if not part.get("thought")),
    }
    if thoughts := "".join(part["text"] for part in texts if part.get("thought")):
        message["reasoning_content"] = thoughts
    if calls := [_call(part, at, number) for number, part in enumerate(parts) if "function_call" in part]:
        message["tool_calls"] = calls
    return message


def _call(part: Json, at: int, number: int) -> Json:
    call = part["function_call"]
    function = {"name": call["name"], "arguments": orjson.dumps(call.get("args", {})).decode()}
    made: Json = {"id": call.get("id") or f"call_{at}_{number}", "type": "function", "function": function}
    return made | ({FIELD: part[FIELD]} if FIELD in part else {})


def _results(content: Json, calls: list[Json]) -> Iterator[Json]:
    """The results in a turn, as messages of the tools; each takes the call with its id, or the next one."""
    waiting = [call["id"] for call in calls]
    for result in [part["function_response"] for part in content["parts"] if "function_response" in part]:
        id = waiting.pop(waiting.index(result["id"]) if result.get("id") in waiting else 0)
        yield {"role": "tool", "tool_call_id": id, "content": _told(result.get("response", {}))}


def _asked(content: Json) -> Iterator[Json]:
    """What the user says in a turn."""
    parts = [part_of(part) for part in content["parts"] if "function_response" not in part]
    if [part["type"] for part in parts] == ["text"]:
        yield {"role": "user", "content": parts[0]["text"]}
    elif parts:
        yield {"role": "user", "content": parts}


def _told(response: Json) -> str:
    """What a function gave back: its `output` or `error` alone, else all of it."""
    value = response.get("output", response.get("error", response))
    return value if isinstance(value, str) else orjson.dumps(value).decode()
