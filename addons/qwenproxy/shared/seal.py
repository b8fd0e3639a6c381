"""What is kept in a Redis that others may read: sealed, with keys that never go there."""

from collections.abc import Sequence

from qwenproxy.sealing import Keyring

PLAIN, SEALED = b"\x00", b"\x01"
"""How what is kept begins."""


class Broken(ValueError):
    """What was kept cannot be opened; the message says why, and quotes nothing."""


class Seal:
    """Keys as they are written: the first one seals, all of them open.  Without any, nothing is sealed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keyring = Keyring(keys) if keys else None

    def __bool__(self) -> bool:
        return self._keyring is not None

    def close(self, data: bytes, place: str) -> bytes:
        """*data* as it may be kept at *place*; it opens nowhere else."""
        if self._keyring is None:
            return PLAIN + data
        return SEALED + self._keyring.seal_bytes(data, _context(place))

    def open(self, kept: bytes, place: str) -> bytes:
        """What was closed for *place*.  Raises Broken."""
        if self._keyring is None:
            if kept[:1] != PLAIN:
                raise Broken("it is sealed, and there is no key here (setting state_keys)")
            return kept[1:]
        found = self._keyring.open_bytes(kept[1:], _context(place)) if kept[:1] == SEALED else None
        if found is None:
            raise Broken("none of the keys here has sealed it so (setting state_keys)")
        return found


def _context(place: str) -> bytes:
    return f"shared\0{place}".encode()
