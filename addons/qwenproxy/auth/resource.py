"""Which API a login is for: from its `resource_url` to a base URL that may get the token."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from qwenproxy import hostnames, plans

PORTAL = plans.PORTAL.base_url
"""Where a login without a `resource_url` is good."""
HOSTS = ("*.qwen.ai", "*.aliyuncs.com")
"""Qwen's own hosts."""


def base_url(resource_url: str, allowed: Sequence[str] = (), issuer: str = "") -> str:
    """The base URL that *resource_url* stands for: it has often no scheme, and no path.

    It comes from the network or a file, and would get the token: so its host must be Qwen's own, one of *allowed*
    (patterns), or *issuer*, the host that the token is from.  Plain HTTP is for those *allowed*, and for an issuer on
    this machine.  Raises ValueError, which says what is wrong with it.
    """
    text = resource_url.strip()
    if not text:
        return PORTAL
    url = (text if "://" in text else f"https://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or not (url.isascii() and url.isprintable()):
        raise ValueError("it is no address")
    if "@" in parts.netloc or "?" in url or "#" in url or "\\" in url or " " in url:
        raise ValueError("it is more than a host and a path")
    vouched = any(hostnames.stands_for(pattern, host) for pattern in allowed)
    own = host == issuer or any(hostnames.stands_for(pattern, host) for pattern in HOSTS)
    if not vouched and not own:
        raise ValueError(f"{host} is not a host of Qwen's, nor in allowed_hosts")
    if parts.scheme == "http" and not vouched and not (own and hostnames.is_loopback(host)):
        raise ValueError("it is plain http://")
    return url if url.endswith("/v1") else f"{url}/v1"
