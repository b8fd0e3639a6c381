"""Tools that are Python functions: the schema is from the signature, the words are from the docstring."""

import asyncio
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, overload

import orjson
from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs

from qwenproxy.tools import names
from qwenproxy.tools.schema import Schema
from qwenproxy.tools.tool import Call, Tool, ToolError
from qwenproxy.wire.openai import Json

MARK = "__qwenproxy_tool__"
AT_ONCE = 16
"""Threads of one tool; those that never end count until they do."""

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$", re.MULTILINE)
_ARGUMENT = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Declared:
    """What the decorator says of a function."""

    name: str | None
    read_only: bool
    needs_confirmation: bool


@overload
def tool[F: Callable[..., Any]](function: F, /) -> F: ...


@overload
def tool[F: Callable[..., Any]](
    *, name: str | None = None, read_only: bool = False, needs_confirmation: bool = False
) -> Callable[[F], F]: ...


def tool(
    function: Any = None, /, *, name: str | None = None, read_only: bool = False, needs_confirmation: bool = False
) -> Any:
    """Make a function a tool; it stays a function.

    *name*, if not its own; *read_only*: it changes nothing; *needs_confirmation*: a person has to agree to each call,
    so that it is run by `qwenproxy tools call` only.  A plain function runs in a thread, an async one on the event
    loop, which it must not hold up.  What it returns is the model's to read, as text or else as JSON.
    """

    def declare(function: Any) -> Any:
        setattr(function, MARK, Declared(name, read_only, needs_confirmation))
        return function

    return declare if function is None else declare(function)


def declared(space: str, holder: object, source: str) -> Iterator[Tool]:
    """The tools among the members of *holder*, such as a module, in the namespace *space*.  Raises ValueError."""
    found = {id(each): each for each in vars(holder).values() if isinstance(getattr(each, MARK, None), Declared)}
    for function in found.values():
        yield from_function(space, function, source)


def from_function(space: str, function: Callable[..., Any], source: str) -> Tool:
    """The tool that *function* is; "" as *space* is that of built-in ones.  Raises ValueError."""
    said: Declared = getattr(function, MARK, Declared(None, False, False))
    own = said.name or str(getattr(function, "__name__", ""))
    name = names.spaced(space, own) if space else own
    if not names.is_name(own):
        raise ValueError(f"{source}: {own!r} is no name for a tool: letters, digits, _ and -, at most 64")
    try:
        signature: Any = function
        adapter: TypeAdapter[Any] = TypeAdapter(signature)
        document = adapter.json_schema()
        described(document, function)
        schema = Schema(document)
    except (ValueError, TypeError, NameError, PydanticUserError) as error:
        raise ValueError(f"{source}: {own}: {str(error).partition(chr(10))[0]}") from None
    call = asynchronous(adapter) if inspect.iscoroutinefunction(function) else Threaded(adapter)
    return Tool(name, summary(function), schema, call, source, said.read_only, said.needs_confirmation)


def asynchronous(adapter: TypeAdapter[Any]) -> Call:
    """A call of an async function, on the event loop."""

    async def call(arguments: Json) -> str:
        return as_text(await applied(adapter, arguments))

    return call


class Threaded:
    """A call of a plain function, in a thread of its own: one that hangs takes no place from other work."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        self._adapter = adapter
        self._running = 0

    async def __call__(self, arguments: Json) -> str:
        if self._running >= AT_ONCE:
            raise ToolError(f"{self._running} calls of this tool have not ended yet, so no more are begun")
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def settle(text: str, error: Exception | None) -> None:
            self._running -= 1
            if ended.done():  # nobody waits any more
                return
            if error is None:
                ended.set_result(text)
            else:
                ended.set_exception(error)

        def work() -> None:
            text = ""
            failure: Exception | None = None
            try:
                text = as_text(applied(self._adapter, arguments))
            except StopIteration:  # a future cannot carry it
                failure = ToolError("StopIteration")
            except Exception as error:  # whatever it is, it is the caller's to tell
                failure = error
            except BaseException as error:  # SystemExit, for one: it ends this call and nothing else
                failure = ToolError(type(error).__name__)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, text, failure)

        self._running += 1
        threading.Thread(target=work, name="qwenproxy-tool", daemon=True).start()
        return await ended


def applied(adapter: TypeAdapter[Any], arguments: Json) -> Any:
    """What the function returns for *arguments*, made what its signature says.  Raises ToolError, or what it raises."""
    try:
        return adapter.validate_python(ArgsKwargs((), arguments))
    except ValidationError as error:
        faults = error.errors(include_url=False)[:5]
        raise ToolError("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)) from None


def as_text(value: object) -> str:
    """*value* as the model reads it."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return str(value)


def summary(function: Callable[..., Any]) -> str:
    """The docstring up to its first section."""
    text = inspect.getdoc(function) or ""
    section = _SECTION.search(text)
    return (text[: section.start()] if section else text).strip()


def described(document: Json, function: Callable[..., Any]) -> None:
    """Give the properties of *document* the descriptions that the docstring has for them."""
    properties = document.setdefault("properties", {})
    for name, words in argument_words(inspect.getdoc(function) or "").items():
        if name in properties:
            properties[name].setdefault("description", words)


def argument_words(doc: str) -> dict[str, str]:
    """What the section `Args:` says of each argument."""
    found: dict[str, str] = {}
    name, inside = "", False
    for line in doc.splitlines():
        if section := _SECTION.match(line):
            inside = section[1] in ("Args", "Arguments", "Parameters")
        elif not inside or not line.strip():
            continue
        elif not line.startswith(" "):
            inside = False
        elif argument := _ARGUMENT.match(line.strip()):
            name = argument[1]
            found[name] = argument[2]
        elif name:
            found[name] += f" {line.strip()}"
    return found
