"""The input items of a Responses request -> chat messages.  One ruling for every kind of item that there is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import orjson

from qwenproxy.endpoints.responses import compaction, past
from qwenproxy.endpoints.responses.draft import Draft
from qwenproxy.endpoints.responses.parts import content_of, said
from qwenproxy.endpoints.responses.texts import THINKING
from qwenproxy.endpoints.responses.tools import Toolbox, form_of
from qwenproxy.endpoints.tools import INPUT
from qwenproxy.errors import INVALID_REQUEST, UNSUPPORTED_VALUE, ProxyError
from qwenproxy.wire.openai import Json
from qwenproxy.wire.responses import kind_of

type Kind = Literal["kept", "rewritten", "dropped", "refused"]

SEALED = "encrypted_content"


@dataclass(slots=True)
class History:
    """The messages as they grow."""

    draft: Draft
    toolbox: Toolbox
    messages: list[Json] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    """Of the answer that follows."""
    calls: set[str] = field(default_factory=set)
    """The ids of all calls so far."""

    def turn(self) -> Json:
        """The answer that calls and thoughts belong to: the last message, or a new one."""
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != "assistant" or self.thoughts:
            last = {"role": "assistant", "content": None}
            self.messages.append(last)
        if self.thoughts:
            last["reasoning_content"] = "\n\n".join(self.thoughts)
            self.thoughts.clear()
        return last

    def call(self, call_id: str, name: str, arguments: str) -> None:
        """An earlier call: those of one answer are in one message, and with its text."""
        function = {"name": name, "arguments": arguments}
        self.turn().setdefault("tool_calls", []).append({"id": call_id, "type": "function", "function": function})
        self.calls.add(call_id)

    def result(self, call_id: str, content: str | list[Json]) -> None:
        """What a call gave.  Raises ProxyError if there was none."""
        if call_id not in self.calls:
            message = f"No tool call found for function call output with call_id {call_id[:100]}."
            raise ProxyError(INVALID_REQUEST, message, param="input")
        self.thoughts.clear()
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one kind of item, and why."""

    kind: Kind
    reason: str
    apply: Callable[[History, Json, str], None]


def messages_of(draft: Draft, toolbox: Toolbox) -> list[Json]:
    """The messages for what `draft.asked` says.  Raises ProxyError for items that cannot be understood here."""
    asked = draft.asked
    history = History(draft, toolbox)
    if asked.get("instructions"):
        history.messages.append({"role": "system", "content": asked["instructions"]})
    if isinstance(asked["input"], str):
        history.messages.append({"role": "user", "content": asked["input"]})
        return history.messages
    for place, item in _standing(draft, asked["input"]):
        ITEMS.get(kind_of(item), UNKNOWN).apply(history, item, _at(draft, place))
    return history.messages


def _at(draft: Draft, place: int) -> str:
    """Where the item at *place* is, in the app's words."""
    return f"input[{place - draft.past}]" if place >= draft.past else "previous_response_id"


def _standing(draft: Draft, items: Sequence[Json]) -> list[tuple[int, Json]]:
    """Those of *items* that count, with their places: a compaction stands for what comes before it."""
    placed = list(enumerate(items))
    cut = compaction.last(items)
    if cut is None:
        return placed
    stand = compaction.opened(items[cut], draft.seal, _at(draft, cut))
    return [(place, item) for place, item in placed if place >= cut or compaction.counts(item, stand)]


def _message(history: History, item: Json, at: str) -> None:
    role = item["role"]
    if role != "assistant":
        history.thoughts.clear()
        history.messages.append({"role": role, "content": content_of(item["content"], f"{at}.content")})
        return
    history.messages.append({"role": "assistant", "content": said(item["content"])})
    if history.thoughts:
        history.messages[-1]["reasoning_content"] = "\n\n".join(history.thoughts)
        history.thoughts.clear()


def _function_call(history: History, item: Json, at: str) -> None:
    form = form_of("function", item, item.get("namespace"))
    history.call(item["call_id"], history.toolbox.name_of(form), item["arguments"])


def _custom_call(history: History, item: Json, at: str) -> None:
    form = form_of("custom", item, item.get("namespace"))
    arguments = orjson.dumps({INPUT: item["input"]}).decode()
    history.call(item["call_id"], history.toolbox.name_of(form), arguments)


def _own_call(history: History, item: Json, at: str) -> None:
    called = past.CALLS[item["type"]]
    form = form_of(called.tool, {"name": called.tool}, None)
    call_id = item.get("call_id") or item.get("id") or at
    history.call(call_id, history.toolbox.name_of(form), orjson.dumps(called.arguments(item)).decode())


def _output(history: History, item: Json, at: str) -> None:
    history.result(item["call_id"], content_of(item["output"], f"{at}.output"))


def _own_output(history: History, item: Json, at: str) -> None:
    call_id = item.get("call_id") or item.get("id") or ""
    if call_id not in history.calls and item["type"] in past.UNNAMED:
        call_id = past.last_call(history.messages)
    history.result(call_id, past.RESULTS[item["type"]](item))


def _reasoning(history: History, item: Json, at: str) -> None:
    seal, sealed = history.draft.seal, item.get("encrypted_content")
    opened = seal.open(THINKING, sealed) if seal is not None and sealed else None
    if sealed and opened is None:
        history.draft.leave_out(f"input.reasoning.{SEALED}")
    parts = item.get("content") or item.get("summary") or []
    if text := opened or "\n\n".join(part["text"] for part in parts):
        history.thoughts.append(text)


def _elsewhere(history: History, item: Json, at: str) -> None:
    """Read before the messages: see `lists` and `updated`."""


def _drop(history: History, item: Json, at: str) -> None:
    history.draft.leave_out(f"input.{kind_of(item)}")


def _unknown(history: History, item: Json, at: str) -> None:
    history.draft.leave_out("input.unknown")


def _reference(history: History, item: Json, at: str) -> None:
    message = f"'{at}' refers to a stored item, and nothing is stored here: send the item itself."
    raise ProxyError(UNSUPPORTED_VALUE, message, param=at)


def _compaction(history: History, item: Json, at: str) -> None:
    history.thoughts.clear()
    for message in compaction.opened(item, history.draft.seal, at).messages:
        history.messages.append(message)
        history.calls |= {call["id"] for call in message.get("tool_calls", ())}


def lists(asked: Json) -> list[tuple[str, Sequence[Json]]]:
    """The lists of tools in *asked*, each with its place: its own, and those among the input items."""
    found: list[tuple[str, Sequence[Json]]] = [("tools", asked.get("tools") or ())]
    if isinstance(asked["input"], list):
        found += [
            (f"input[{place}].tools", item["tools"])
            for place, item in enumerate(asked["input"])
            if kind_of(item) in ("additional_tools", "tool_search_output")
        ]
    return found


def updated(asked: Json) -> Json:
    """*asked* as the items that change the configuration on the way leave it."""
    for item in asked["input"] if isinstance(asked["input"], list) else ():
        if kind_of(item) == "configuration_update":
            for name in ("reasoning", "text"):
                if item.get(name):
                    asked = asked | {name: (asked.get(name) or {}) | item[name]}
    return asked


HOSTED = Ruling("dropped", "of tools that only OpenAI's own servers have", _drop)

ITEMS: Mapping[str, Ruling] = {
    "message": Ruling("kept", "a message; its phase is not for the model", _message),
    "function_call": Ruling("rewritten", "a call in the assistant's message", _function_call),
    "function_call_output": Ruling("rewritten", "a tool's message; images follow in a user's", _output),
    "custom_tool_call": Ruling("rewritten", "a call of the function that stands for the tool", _custom_call),
    "custom_tool_call_output": Ruling("rewritten", "as that of a function", _output),
    "reasoning": Ruling("rewritten", "the thinking of the answer that follows, for models that take it", _reasoning),
    **{kind: Ruling("rewritten", "a call of the function that stands for the tool", _own_call) for kind in past.CALLS},
    **{kind: Ruling("rewritten", "as that of a function", _own_output) for kind in past.RESULTS},
    "additional_tools": Ruling("rewritten", "further tools", _elsewhere),
    "configuration_update": Ruling("rewritten", "the last one's effort and format count", _elsewhere),
    "item_reference": Ruling("rewritten", "the stored item; refused where nothing is stored", _reference),
    "compaction": Ruling(
        "rewritten", "the summary, for what comes before it; refused if others have made it", _compaction
    ),
    "compaction_trigger": Ruling("rewritten", "the answer is a compaction; it must come last", _elsewhere),
    **dict.fromkeys(
        (
            "web_search_call",
            "file_search_call",
            "code_interpreter_call",
            "image_generation_call",
            "computer_call",
            "computer_call_output",
            "mcp_list_tools",
            "mcp_approval_request",
            "mcp_approval_response",
            "mcp_call",
            "program",
            "program_output",
        ),
        HOSTED,
    ),
}
"""Every kind of input item that the API has."""

UNKNOWN = Ruling("dropped", "of a kind that nobody knows", _unknown)
