"""Thought signatures: what an upstream wants to see again with a call of its own, and an app has no place to keep.

Google's `thoughtSignature`, an opaque text on the part of a function call.  They are kept by the call's id, which the
app sends back; what is not asked for any more makes room.
"""

from collections import OrderedDict

MOST = 4_096
LARGEST = 1024 * 1024
"""Characters of one signature; a longer one is not kept."""
ROOM = 16 * 1024 * 1024
"""Characters of all signatures together."""


class Signatures:
    """The signatures of the latest calls, bounded in number and size."""

    __slots__ = ("_by_call", "_size")

    def __init__(self) -> None:
        self._by_call: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    def keep(self, call: str, signature: str) -> None:
        """Remembers the *signature* of the call with the id *call*; the oldest are forgotten where there is no room."""
        if len(signature) > LARGEST:
            return
        self._drop(call)
        self._by_call[call] = signature
        self._size += _size(call, signature)
        while len(self._by_call) > MOST or self._size > ROOM:
            self._drop(next(iter(self._by_call)))

    def of(self, call: str) -> str | None:
        """The signature of the call with the id *call*; asking keeps it young."""
        signature = self._by_call.get(call)
        if signature is not None:
            self._by_call.move_to_end(call)
        return signature

    def _drop(self, call: str) -> None:
        if (signature := self._by_call.pop(call, None)) is not None:
            self._size -= _size(call, signature)


def _size(call: str, signature: str) -> int:
    return len(call) + len(signature)
