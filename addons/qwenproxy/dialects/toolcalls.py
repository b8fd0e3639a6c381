"""The tool calls of one choice, put together from their pieces: each once, with one id, one name, one dense index.

A piece says which call it belongs to by id, by position, by both or by neither, and any of them may be wrong: ids that
are empty, missing or new in every piece, positions that are missing, always 0 or used again.  So a piece goes to the
call of its id, else to the latest one of its position; and it opens another call if it says a name and could not be
more of the one that is there.
"""

from collections.abc import Callable

from qwenproxy.dialects.arguments import Arguments
from qwenproxy.wire.openai import Json

MAX_CALLS = 128  # OpenAI's own limit of tools in one request; no answer calls more


class TooManyCalls(ValueError):
    """An answer calls more than `MAX_CALLS` tools."""


class Call:
    """One tool call: what is known of it, and how much of that has been said."""

    __slots__ = ("arguments", "given", "glued", "index", "name", "position")

    def __init__(self, position: int | None, name: str = "", twin: str = "") -> None:
        self.position = position
        self.name = name
        self.given = ""
        """The id that the upstream gave it."""
        self.glued = False
        """It was found glued to another, whose id it cannot have."""
        self.index: int | None = None
        """Its place in the answer, once it has been announced."""
        self.arguments = Arguments(twin)


class ToolCalls:
    """Pieces go in; entries of `delta.tool_calls` come out.

    *tools* are the names that the request offers, empty if unknown; *new_id* makes an id for a call without one;
    *note* takes a sentence for every repair.
    """

    __slots__ = ("_at", "_by_id", "_calls", "_last", "_new_id", "_note", "_out", "_tools", "count")

    def __init__(self, tools: frozenset[str], new_id: Callable[[], str], note: Callable[[str], None]) -> None:
        self.count = 0
        """How many calls have been announced."""
        self._tools = tools
        self._new_id = new_id
        self._note = note
        self._calls: list[Call] = []
        self._by_id: dict[str, Call] = {}
        self._at: dict[int, Call] = {}
        self._last: Call | None = None
        self._out: list[Json] = []

    def piece(self, position: int | None, id: str, name: str, arguments: str) -> list[Json]:
        """Takes one piece; "" stands for what it does not say.

        Raises TooManyCalls, ArgumentsTooLong.
        """
        call = self._call(position, id, name, arguments)
        if id and not call.given and id not in self._by_id:
            call.given = id
            self._by_id[id] = call
        if call.index is None:
            call.name = name if name.startswith(call.name) else call.name + name
        self._feed(call, arguments)
        return self._drain()

    def whole(self, name: str, arguments: str) -> list[Json]:
        """Takes a call of which nothing else is to come.  Raises as `piece` does."""
        self._feed(self._open(None, name), arguments)
        return self._drain()

    def end(self, *, truncated: bool) -> list[Json]:
        """Says what is left to say; *truncated* arguments stay as they are."""
        for call in self._calls:  # grows as glued calls come apart
            self._feed(call, "", rest=call.arguments.settle())
            self._close(call, truncated=truncated)
        return self._drain()

    def _drain(self) -> list[Json]:
        out, self._out = self._out, []
        return out

    def _open(self, position: int | None, name: str = "", twin: str = "") -> Call:
        if len(self._calls) == MAX_CALLS:
            raise TooManyCalls(f"it calls more than {MAX_CALLS} tools")
        call = Call(position, name, twin)
        self._calls.append(call)
        self._last = call
        if position is not None:
            self._at[position] = call
        return call

    def _call(self, position: int | None, id: str, name: str, arguments: str) -> Call:
        """The call that a piece belongs to, opened if need be."""
        current = self._last if position is None else self._at.get(position)
        known = self._by_id.get(id) if id else None
        if known is None:
            call = None if current is None or self._opens(current, id, name, arguments) else current
        elif position in (None, known.position):
            call = known
        elif current is None:  # one id for several calls; or the position is wrong
            call = None if name else known
        else:
            call = known if current.given else current
        self._last = call or self._open(position)
        return self._last

    def _opens(self, current: Call, id: str, name: str, arguments: str) -> bool:
        """Whether a piece that names no known call opens another one than *current*, the latest of its position."""
        known, begins = current.arguments, arguments.lstrip()[:1]
        if not name:
            return False
        if not current.name:
            return known.complete and begins != ""
        if id and current.given:  # a new id; but some servers give every piece one
            return known.complete or not known.size or begins in ("", "{")
        if known.complete:
            said_again = bool(current.given) or known.cumulative
            return name != current.name or (begins == "{" and not said_again)
        if current.index is None:  # its name may still be growing
            return {name, current.name} <= self._tools and not name.startswith(current.name)
        return name != current.name and (not self._tools or name in self._tools)

    def _feed(self, call: Call, arguments: str, rest: str = "") -> None:
        """Gives *call* its arguments, and calls of its name the objects that are glued to them."""
        if arguments:
            rest = call.arguments.feed(arguments)
        self._say(call)
        while rest:
            call = self._glued(call)
            rest = call.arguments.feed(rest)
            self._say(call)

    def _glued(self, call: Call) -> Call:
        """A call like *call*, for the next object in its arguments."""
        other = self._open(call.position, call.name, twin=call.arguments.text)
        other.given, other.glued = call.given, True
        if call.given:
            self._by_id[call.given] = other
        return other

    def _say(self, call: Call) -> None:
        """Says what is new of *call*, if its name is known."""
        if call.index is None:
            if not self._named(call) or call.arguments.echo:
                return
            self._announce(call)
        elif ready := call.arguments.take():
            self._out.append({"index": call.index, "function": {"arguments": ready}})

    def _named(self, call: Call) -> bool:
        """Whether the name of *call* is whole: names may come in pieces, but not after arguments."""
        name, begun = call.name.strip(), call.arguments.size > 0
        if not name or any(tool != name and tool.startswith(name) for tool in self._tools):
            return begun and name in self._tools
        return begun or name in self._tools

    def _announce(self, call: Call) -> None:
        call.index = self.count
        self.count += 1
        id = self._new_id() if call.glued or not call.given else call.given
        function = {"name": call.name.strip(), "arguments": call.arguments.take()}
        self._out.append({"index": call.index, "id": id, "type": "function", "function": function})

    def _close(self, call: Call, *, truncated: bool) -> None:
        """Ends *call*; one that only echoes another, or that nobody named, is left out."""
        if call.arguments.echo:
            self._note("left out a tool call's arguments that were said twice")
            return
        if not call.name.strip():
            if len(self._tools) != 1 or not call.arguments.size:
                self._note("left out a tool call without a name")
                return
            (call.name,) = self._tools
            self._note(f"named a tool call {call.name!r}, the only tool there is")
        repairs = call.arguments.close(truncated=truncated)
        if call.index is None:
            self._announce(call)
        elif ready := call.arguments.take():
            self._out.append({"index": call.index, "function": {"arguments": ready}})
        for repair in ("parted from the call that it was glued to", *repairs) if call.glued else repairs:
            self._note(f"tool call {call.index}: {repair}")
