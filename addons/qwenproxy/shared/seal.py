"""What is kept in a Redis that others may read: sealed by AES-256-GCM, with keys that never go there."""

import secrets
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PLAIN, SEALED = b"\x00", b"\x01"
"""How what is kept begins."""
MARK = 4
"""Bytes that tell which key has sealed."""
NONCE = 12


class Broken(ValueError):
    """What was kept cannot be opened; the message says why, and quotes nothing."""


class Seal:
    """Keys as they are written: the first one seals, all of them open.  Without any, nothing is sealed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = {_digest("mark", key)[:MARK]: AESGCM(_digest("key", key)) for key in keys}
        self._mark = _digest("mark", keys[0])[:MARK] if keys else b""

    def __bool__(self) -> bool:
        return bool(self._ciphers)

    def close(self, data: bytes, place: str) -> bytes:
        """*data* as it may be kept at *place*; it opens nowhere else."""
        if not self._ciphers:
            return PLAIN + data
        nonce = secrets.token_bytes(NONCE)
        return SEALED + self._mark + nonce + self._ciphers[self._mark].encrypt(nonce, data, place.encode())

    def open(self, kept: bytes, place: str) -> bytes:
        """What was closed for *place*.  Raises Broken."""
        if not self._ciphers:
            if kept[:1] != PLAIN:
                raise Broken("it is sealed, and there is no key here (setting state_keys)")
            return kept[1:]
        mark, nonce, rest = kept[1 : 1 + MARK], kept[1 + MARK : 1 + MARK + NONCE], kept[1 + MARK + NONCE :]
        cipher = self._ciphers.get(mark)
        if kept[:1] != SEALED or cipher is None:
            raise Broken("none of the keys here has sealed it (setting state_keys)")
        try:
            return cipher.decrypt(nonce, rest, place.encode())
        except (InvalidTag, ValueError):
            raise Broken("it was changed since it was sealed") from None


def _digest(use: str, key: str) -> bytes:
    return sha256(f"qwenproxy state {use}\0{key}".encode()).digest()
