"""The proxies for HTTPS that an environment names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

NAMES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""The strongest first, as in curl."""
PORTS: Mapping[str, int] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """Where a proxy that speaks HTTP is, and how to sign in there."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Its address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def named(environ: Mapping[str, str]) -> Iterator[ProxyAddress]:
    """Those in *environ*; what is of another kind, or cannot be read, is left out."""
    found = (read(environ.get(name, "").strip()) for name in NAMES)
    return (address for address in dict.fromkeys(found) if address is not None)


def read(text: str) -> ProxyAddress | None:
    """The one that *text* means; None if that cannot be read, or is of another kind."""
    try:
        parts = urlsplit(text if "//" in text else f"http://{text}")
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    return ProxyAddress(
        parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or "")
    )
