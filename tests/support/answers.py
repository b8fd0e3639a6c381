"""What a chat answer says: its events written down, put together again, and checked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from qwenproxy.errors import UPSTREAM_ERROR, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage
from tests.support import wellformed


def written(event: ChatEvent) -> Json:
    """*event* as golden files have it."""
    if isinstance(event, ProxyError):
        return {"error": event.failure.code, "message": event.message}
    if isinstance(event, Usage):
        return {"usage": event.usage}
    extra = {"finish_reason": event.finish_reason, "logprobs": event.logprobs}
    return {"choice": event.choice, "delta": event.delta} | {k: v for k, v in extra.items() if v is not None}


def numbered_ids() -> Callable[[], str]:
    """Makes ids `call_new0`, `call_new1`, ..."""
    numbers = count()
    return lambda: f"call_new{next(numbers)}"


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
    """The plainest translation of a refusal: its status and body, as they are."""
    return ProxyError(UPSTREAM_ERROR, f"{status} {body.decode()}")


class Answer:
    """What the events of one choice add up to, after a check that they are well formed."""

    def __init__(self, events: Sequence[ChatEvent], choice: int = 0) -> None:
        wellformed.check(events)
        deltas = [event for event in events if isinstance(event, Delta) and event.choice == choice]
        self.content = _joined(deltas, "content")
        self.reasoning = _joined(deltas, "reasoning_content")
        self.refusal = _joined(deltas, "refusal")
        self.finish = next((delta.finish_reason for delta in deltas if delta.finish_reason), None)
        self.calls = _calls(call for delta in deltas for call in delta.delta.get("tool_calls", ()))
        self.error = next((event for event in events if isinstance(event, ProxyError)), None)
        self.usage = next((event.usage for event in events if isinstance(event, Usage)), None)


def _joined(deltas: Iterable[Delta], channel: str) -> str:
    return "".join(delta.delta.get(channel, "") for delta in deltas)


def _calls(entries: Iterable[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(id, name, arguments) of every call."""
    calls: list[tuple[str, str, str]] = []
    for entry in entries:
        function = entry["function"]
        if "id" in entry:
            calls.append((entry["id"], function["name"], function["arguments"]))
        else:
            id, name, arguments = calls[entry["index"]]
            calls[entry["index"]] = (id, name, arguments + function["arguments"])
    return calls
