"""A proxy that runs already: where it may be, and whether it really is ours."""

import http.client
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwenproxy.commands.launch import addresses
from qwenproxy.hostnames import is_loopback

DEFAULT_PORT = 8081  # of `qwenproxy run`
AUTHORITY = Path("~/.mitmproxy/mitmproxy-ca-cert.pem")
HOST = "api.openai.com"
NOWHERE = "/v1/qwenproxy"  # a path that nobody serves
OURS = b"This proxy "
"""How our refusals of such a path begin: that there is no such thing, or that it takes its own client keys only."""
PATIENCE = 3.0  # s


def named(environ: Mapping[str, str]) -> Iterator[int]:
    """The ports of this machine that *environ* names as HTTPS proxies."""
    return (each.port for each in addresses.named(environ) if each.scheme == "http" and is_loopback(each.host))


def authority(path: Path = AUTHORITY) -> bytes:
    """The certificate of the user's own authority, in PEM.  Raises OSError."""
    return path.expanduser().read_bytes()


def is_ours(port: int, pem: bytes, host: str = "127.0.0.1") -> bool:
    """Whether a proxy of ours listens at *port* of *host*, an address of loopback.

    It must hold the key of the authority *pem*, which lies in the user's home: nobody else's does.  And it must answer
    for OpenAI itself: a mitmproxy without us would pass calls on, with the app's key.  No key is sent here.
    """
    connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=_trusting(pem))
    connection.set_tunnel(HOST, 443)
    try:
        connection.request("GET", NOWHERE)
        return OURS in connection.getresponse().read(65536)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _trusting(pem: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=pem.decode())
