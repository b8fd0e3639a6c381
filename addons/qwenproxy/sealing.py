"""What apps carry from turn to turn, and what machines share: sealed by AES-256-GCM, with keys that stay here."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
MARK = 4
"""Bytes that tell which key has sealed."""
NONCE = 12


def new_key() -> str:
    """A new key, as it is written in a file or a setting."""
    return secrets.token_urlsafe(32)


class Keyring:
    """Keys as they are written: the first one seals, all of them open."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = {_mark(key): AESGCM(_digest("key", key)) for key in reversed(keys)}
        self._mark = _mark(keys[0])

    def seal(self, text: str, context: bytes) -> str:
        """*text* as an opaque string, which opens in the same *context* only."""
        return urlsafe_b64encode(self.seal_bytes(text.encode("utf-8", "surrogatepass"), context)).decode()

    def open(self, sealed: str, context: bytes) -> str | None:
        """The text in *sealed*; None if none of the keys has sealed it so."""
        try:
            raw = urlsafe_b64decode(sealed.encode())
        except ValueError:
            return None
        found = self.open_bytes(raw, context)
        return None if found is None else found.decode("utf-8", "surrogatepass")

    def seal_bytes(self, data: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        return VERSION + self._mark + nonce + self._ciphers[self._mark].encrypt(nonce, data, context)

    def open_bytes(self, sealed: bytes, context: bytes) -> bytes | None:
        """What was sealed; None if none of the keys has sealed it so."""
        mark, nonce, rest = sealed[1 : 1 + MARK], sealed[1 + MARK : 1 + MARK + NONCE], sealed[1 + MARK + NONCE :]
        cipher = self._ciphers.get(mark)
        if sealed[:1] != VERSION or cipher is None or len(nonce) < NONCE:
            return None
        try:
            return cipher.decrypt(nonce, rest, context)
        except InvalidTag:
            return None


class OwnersSeal:
    """The seal for what *owner* carries: nobody else's opens, nor one kind of thing as another."""

    def __init__(self, keyring: Keyring, owner: str) -> None:
        self._keyring = keyring
        self._owner = owner

    def close(self, what: str, text: str) -> str:
        return self._keyring.seal(text, self._context(what))

    def open(self, what: str, sealed: str) -> str | None:
        return self._keyring.open(sealed, self._context(what))

    def _context(self, what: str) -> bytes:
        return f"{what}\0{self._owner}".encode()


def _digest(use: str, key: str) -> bytes:
    return sha256(f"qwenproxy {use}\0{key}".encode()).digest()


def _mark(key: str) -> bytes:
    return _digest("mark", key)[:MARK]
