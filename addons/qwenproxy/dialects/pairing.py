"""Tool calls and their results: each call followed by its result, each result after its call."""

from collections.abc import Sequence
from typing import Any

from qwenproxy.wire.openai import Json

NO_RESULT = "No result: the call was not carried out."


def pair(messages: Sequence[Json], notes: list[str]) -> list[Json]:
    """*messages* with the results of every assistant message right after it, in the app's order.

    A result without a call is dropped, a call without a result gets one that says so: the service refuses both.
    """
    results = _results(messages)
    answered = {id(result) for found in results.values() for result in found.values()}
    orphans = sum(message["role"] == "tool" and id(message) not in answered for message in messages)
    if orphans:
        notes.append(f"messages: {orphans} tool results without a call dropped")
    paired: list[Json] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            continue
        paired.append(message)
        found = results.get(place, {})
        paired += found.values()
        paired += _missing(message, found, notes)
    return paired


def _results(messages: Sequence[Json]) -> dict[int, dict[Any, Json]]:
    """For the place of each message with calls: the results by the id of their call; the first result of a call counts.

    Some models count their calls anew in every turn, so that an id belongs to the last message before that has it.
    """
    callers: dict[Any, int] = {}
    results: dict[int, dict[Any, Json]] = {}
    for place, message in enumerate(messages):
        for call in message.get("tool_calls") or ():
            callers[call.get("id")] = place
        if message["role"] == "tool":
            caller = callers.get(message.get("tool_call_id"))
            if caller is not None:
                results.setdefault(caller, {}).setdefault(message.get("tool_call_id"), message)
    return results


def _missing(message: Json, found: dict[Any, Json], notes: list[str]) -> list[Json]:
    ids = [call.get("id") for call in message.get("tool_calls") or ()]
    missing = [made for made in ids if made not in found]
    if missing:
        notes.append(f"messages: {len(missing)} missing tool results filled in")
    return [{"role": "tool", "tool_call_id": made, "content": NO_RESULT} for made in missing]
