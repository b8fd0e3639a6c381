"""The opening handshake of a WebSocket, the server's side (RFC 6455, 4.2)."""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from hashlib import sha1

from qwenproxy import errors
from qwenproxy.errors import ProxyError

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = "13"


def accept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of the 101 for a request with *headers*, found by lower-case names.

    No extension and no subprotocol is taken up: on the way to this machine compression costs more than it saves.
    Raises ProxyError.
    """
    if headers.get("sec-websocket-version") != VERSION:
        message = f"This WebSocket is not of version {VERSION} (header Sec-WebSocket-Version)."
        raise ProxyError(errors.UPGRADE_REFUSED, message, headers={"sec-websocket-version": VERSION})
    if "upgrade" not in [word.strip().lower() for word in headers.get("connection", "").split(",")]:
        raise ProxyError(errors.INVALID_REQUEST, "A WebSocket's request needs the header 'Connection: Upgrade'.")
    key = headers.get("sec-websocket-key", "")
    if not is_key(key):
        raise ProxyError(errors.INVALID_REQUEST, "A WebSocket's request needs a Sec-WebSocket-Key of 16 bytes.")
    proof = b64encode(sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()
    return {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": proof}


def is_key(text: str) -> bool:
    try:
        return len(b64decode(text.encode("utf-8", "surrogateescape"), validate=True)) == 16
    except Error:
        return False
