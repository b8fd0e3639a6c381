"""The output items that call a tool, each in the shape in which the app knows the tool."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from qwenproxy.endpoints.calls import Input
from qwenproxy.endpoints.responses.stage import Item, Piece, Stage
from qwenproxy.endpoints.responses.tools import Form
from qwenproxy.wire.openai import Json


class Called(NamedTuple):
    """A call: its id, and the tool that it is for."""

    call_id: str
    form: Form


class FunctionCall:
    """A call of a function."""

    def __init__(self, stage: Stage, called: Called) -> None:
        self._stage = stage
        self._called = called
        self._arguments: list[str] = []

    def open(self) -> None:
        self._id = self._stage.new_id("fc")
        self._stage.begin(self._item("", "in_progress"))

    def feed(self, piece: Piece) -> None:
        if piece.text:
            self._arguments.append(piece.text)
            self._stage.tell("function_call_arguments.delta", item_id=self._id, delta=piece.text)

    def ready(self) -> bool:
        return parsed("".join(self._arguments)) is not None

    def close(self, status: str) -> None:
        if not self._arguments and status == "completed":
            self.feed(Piece("{}"))
        arguments = "".join(self._arguments)
        name = self._called.form.name
        self._stage.tell("function_call_arguments.done", item_id=self._id, name=name, arguments=arguments)
        self._stage.done(self._item(arguments, status))

    def _item(self, arguments: str, status: str) -> Json:
        item = {"id": self._id, "type": "function_call", "status": status, "arguments": arguments}
        return item | names(self._called)


class CustomCall:
    """A call of a custom tool, whose input is taken out of a function's arguments."""

    def __init__(self, stage: Stage, called: Called) -> None:
        self._stage = stage
        self._called = called
        self._inner = Input()
        self._arguments: list[str] = []
        self._input: list[str] = []

    def open(self) -> None:
        self._id = self._stage.new_id("ctc")
        self._stage.begin(self._item(""))

    def feed(self, piece: Piece) -> None:
        self._arguments.append(piece.text)
        self._say(self._inner.feed(piece.text))

    def ready(self) -> bool:
        return parsed("".join(self._arguments)) is not None

    def close(self, status: str) -> None:
        self._say(self._inner.end())
        whole = "".join(self._input)
        self._stage.tell("custom_tool_call_input.done", item_id=self._id, input=whole)
        self._stage.done(self._item(whole))

    def _say(self, text: str) -> None:
        if text:
            self._input.append(text)
            self._stage.tell("custom_tool_call_input.delta", item_id=self._id, delta=text)

    def _item(self, text: str) -> Json:
        return {"id": self._id, "type": "custom_tool_call", "input": text} | names(self._called)


class OwnCall:
    """A call of a tool whose item can only be made of whole arguments; what does not fit is a function's call."""

    def __init__(self, stage: Stage, called: Called) -> None:
        self._stage = stage
        self._called = called
        self._arguments: list[str] = []

    def open(self) -> None:
        """There is nothing to tell yet."""

    def feed(self, piece: Piece) -> None:
        self._arguments.append(piece.text)

    def ready(self) -> bool:
        return parsed("".join(self._arguments)) is not None

    def close(self, status: str) -> None:
        text = "".join(self._arguments)
        shape = SHAPES[self._called.form.kind]
        fields = shape.fields(parsed(text) or {})
        if fields is None or status != "completed":
            self._close_as_function(text, status)
            return
        item_id = self._stage.new_id(shape.prefix)
        item = {"id": item_id, "type": shape.type, "call_id": self._called.call_id} | fields
        self._stage.begin(item | {"status": "in_progress"})
        for index, command in enumerate(fields["action"]["commands"] if shape.type == "shell_call" else ()):
            self._tell_command(index, command)
        self._stage.done(item | {"status": status})

    def _close_as_function(self, text: str, status: str) -> None:
        call = FunctionCall(self._stage, self._called)
        call.open()
        call.feed(Piece(text))
        call.close(status)

    def _tell_command(self, index: int, command: str) -> None:
        self._stage.tell("shell_call_command.added", command_index=index, command="")
        self._stage.tell("shell_call_command.delta", command_index=index, delta=command)
        self._stage.tell("shell_call_command.done", command_index=index, command=command)


class Shape(NamedTuple):
    """The item for a call: its type, the prefix of its id, and its fields; None if the arguments do not fit."""

    type: str
    prefix: str
    fields: Callable[[Json], Json | None]


def names(called: Called) -> Json:
    """What an item says of the tool that it calls."""
    named: Json = {"call_id": called.call_id, "name": called.form.name}
    return named if called.form.namespace is None else named | {"namespace": called.form.namespace}


def parsed(arguments: str) -> Json | None:
    """The object in *arguments*; None if there is no whole one yet."""
    if not arguments.rstrip().endswith("}"):
        return None
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _local_shell(arguments: Json) -> Json | None:
    command = _strings(arguments.get("command"), ["bash", "-lc"])
    if not command:
        return None
    action: Json = {"type": "exec", "command": command, "env": {}}
    if isinstance(where := arguments.get("working_directory"), str):
        action["working_directory"] = where
    return {"action": action | _numbers(arguments, "timeout_ms")}


def _shell(arguments: Json) -> Json | None:
    commands = _strings(arguments.get("commands"), [])
    if not commands:
        return None
    return {"action": {"commands": commands} | _numbers(arguments, "timeout_ms", "max_output_length")}


def _apply_patch(arguments: Json) -> Json | None:
    kind, path, diff = (arguments.get(name) for name in ("type", "path", "diff"))
    if not isinstance(path, str) or not path:
        return None
    if kind == "delete_file":
        return {"operation": {"type": kind, "path": path}}
    if kind not in ("create_file", "update_file") or not isinstance(diff, str):
        return None
    return {"operation": {"type": kind, "path": path, "diff": diff}}


def _tool_search(arguments: Json) -> Json | None:
    return {"arguments": arguments, "execution": "client"}


def _strings(value: Any, around: list[str]) -> list[str]:
    """*value* as a list of strings: models may give one alone, which then comes after *around*."""
    if isinstance(value, str) and value:
        return [*around, value]
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else []


def _numbers(arguments: Json, *wanted: str) -> Json:
    return {name: arguments[name] for name in wanted if type(arguments.get(name)) is int}


SHAPES: Mapping[str, Shape] = {
    "local_shell": Shape("local_shell_call", "lsh", _local_shell),
    "shell": Shape("shell_call", "sh", _shell),
    "apply_patch": Shape("apply_patch_call", "apc", _apply_patch),
    "tool_search": Shape("tool_search_call", "tsc", _tool_search),
}
"""The tools whose calls have a shape of their own."""

KINDS: Mapping[str, Callable[[Stage, Called], Item]] = {
    "function": FunctionCall,
    "custom": CustomCall,
    **dict.fromkeys(SHAPES, OwnCall),
}
"""What a call of each kind of tool becomes."""
