"""What is kept in a Redis that others may read: sealed, if there are keys, with what never goes there."""

from collections.abc import Sequence

from qwenproxy.sealing import Broken, Keyring

PLAIN = b"\x00"
"""How begins what is not sealed; what is begins with `sealing.VERSION`."""


class Seal:
    """Keys as they are written: the first one seals, all of them open.  Without any, nothing is sealed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keyring = Keyring(keys) if keys else None

    def __bool__(self) -> bool:
        return self._keyring is not None

    def close(self, data: bytes, place: str) -> bytes:
        """*data* as it may be kept at *place*; it opens nowhere else."""
        return PLAIN + data if self._keyring is None else self._keyring.seal(data, place.encode())

    def open(self, kept: bytes, place: str) -> bytes:
        """What was closed for *place*.  Raises Broken."""
        if self._keyring is not None:
            return self._keyring.open(kept, place.encode())
        if kept[:1] != PLAIN:
            raise Broken("it is sealed, and there is no key here (setting state_keys)")
        return kept[1:]
