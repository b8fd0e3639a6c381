"""What apps carry from turn to turn but cannot read: sealed by AES-256-GCM, with keys that never leave the proxy."""

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
        nonce = secrets.token_bytes(NONCE)
        sealed = self._ciphers[self._mark].encrypt(nonce, text.encode("utf-8", "surrogatepass"), context)
        return urlsafe_b64encode(VERSION + self._mark + nonce + sealed).decode()

    def open(self, sealed: str, context: bytes) -> str | None:
        """The text in *sealed*; None if none of the keys has sealed it so."""
        try:
            raw = urlsafe_b64decode(sealed.encode())
        except ValueError:
            return None
        mark, nonce, rest = raw[1 : 1 + MARK], raw[1 + MARK : 1 + MARK + NONCE], raw[1 + MARK + NONCE :]
        cipher = self._ciphers.get(mark)
        if raw[:1] != VERSION or cipher is None or len(nonce) < NONCE:
            return None
        try:
            return cipher.decrypt(nonce, rest, context).decode("utf-8", "surrogatepass")
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
