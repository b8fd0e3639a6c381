"""What leaves the proxy and comes back: sealed by AES-256-GCM, with keys that never leave it."""

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


class Broken(ValueError):
    """What was sealed cannot be opened; the message says why, and quotes nothing."""


def new_key() -> str:
    """A new key, as it is written in a file or a setting."""
    return secrets.token_urlsafe(32)


class Keyring:
    """Keys as they are written: the first one seals, all of them open."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = {_mark(key): AESGCM(_digest("key", key)) for key in reversed(keys)}
        self._mark = _mark(keys[0])

    def seal(self, data: bytes, context: bytes) -> bytes:
        """*data*, sealed: it opens in the same *context* only."""
        nonce = secrets.token_bytes(NONCE)
        return VERSION + self._mark + nonce + self._ciphers[self._mark].encrypt(nonce, data, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed.  Raises Broken."""
        mark, nonce, rest = sealed[1 : 1 + MARK], sealed[1 + MARK : 1 + MARK + NONCE], sealed[1 + MARK + NONCE :]
        cipher = self._ciphers.get(mark)
        if sealed[:1] != VERSION or cipher is None:
            raise Broken("none of the keys here has sealed it (setting state_keys)")
        try:
            return cipher.decrypt(nonce, rest, context)
        except (InvalidTag, ValueError):
            raise Broken("it was changed since it was sealed") from None


class OwnersSeal:
    """The seal for what *owner* carries, as text: nobody else's opens, nor one kind of thing as another."""

    def __init__(self, keyring: Keyring, owner: str) -> None:
        self._keyring = keyring
        self._owner = owner

    def close(self, what: str, text: str) -> str:
        """*text*, which is *what*, as an opaque string."""
        return urlsafe_b64encode(
            self._keyring.seal(text.encode("utf-8", "surrogatepass"), self._context(what))
        ).decode()

    def open(self, what: str, sealed: str) -> str | None:
        """The text in *sealed*; None if it cannot be had."""
        try:
            raw = urlsafe_b64decode(sealed.encode())
            return self._keyring.open(raw, self._context(what)).decode("utf-8", "surrogatepass")
        except ValueError:
            return None

    def _context(self, what: str) -> bytes:
        return f"{what}\0{self._owner}".encode()


def _digest(use: str, key: str) -> bytes:
    return sha256(f"qwenproxy {use}\0{key}".encode()).digest()


def _mark(key: str) -> bytes:
    return _digest("mark", key)[:MARK]
