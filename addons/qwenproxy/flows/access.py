"""Who may use the proxy: client keys, and the browser's rules against DNS rebinding and foreign pages.

Every check is about plain header values, and raises ProxyError if the request may not go on.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from qwenproxy import errors, hostnames
from qwenproxy.errors import ProxyError
from qwenproxy.flows.hosts import Hosts
from qwenproxy.settings import Settings

_SDK_HEADERS = (
    "authorization, content-type, accept, openai-beta, openai-organization, openai-project, idempotency-key, "
    "x-stainless-arch, x-stainless-async, x-stainless-helper-method, x-stainless-lang, x-stainless-os, "
    "x-stainless-package-version, x-stainless-poll-helper, x-stainless-custom-poll-interval, x-stainless-retry-count, "
    "x-stainless-runtime, x-stainless-runtime-version, x-stainless-timeout"
)
"""What a page using the official SDK sends: for a preflight that does not say it."""

_EXPOSED = (
    "x-request-id, x-qwenproxy-model, x-qwenproxy-dropped, x-qwenproxy-learned, x-qwenproxy-estimated, "
    "retry-after, retry-after-ms, "
    "x-should-retry, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, "
    "openai-model, openai-organization, openai-processing-ms, openai-version"
)

_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""All of them: a page shall read why a call is refused, which a failed preflight would hide."""

_CHALLENGE = {"www-authenticate": "Bearer"}  # RFC 9110, 15.5.2: a 401 has one
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, \t-]{1,4096}", re.ASCII)
_PREFLIGHT_AGE = "7200"  # s; Chromium's upper limit
_OWN_PAGES = ("same-origin", "none")
"""Sec-Fetch-Site of our own pages, and of an address that the user typed."""


class Access:
    """The access rules that the settings come to."""

    def __init__(self, settings: Settings) -> None:
        self._keys = [_digest(key.reveal()) for key in settings.client_keys]
        self._lines = settings.header_lines
        self._origins = frozenset(settings.cors_origins)
        self._hosts = Hosts(settings.hosts)
        self._any_host = settings.allow_remote and bool(settings.client_keys)

    def check_lines(self, lines: int) -> None:
        """Let pass a request of so many header lines."""
        if self._lines and lines > self._lines:
            message = f"the request has {lines} header lines, and may have {self._lines} (setting header_lines)"
            raise ProxyError(errors.HEADERS_TOO_LARGE, message, limit="header_lines")

    def check_key(self, authorization: str | None) -> str | None:
        """Let pass whoever shows a client key, and return it; anyone, and None, if there are none.

        Takes the same time for every wrong key.
        """
        if not self._keys:
            return None
        scheme, _, shown = (authorization or "").strip().partition(" ")
        if not shown or scheme.lower() != "bearer":
            raise ProxyError(
                errors.CLIENT_KEY,
                "This proxy wants one of its own client keys, and none came with the request. Send it as the API key "
                "of your OpenAI client (`Authorization: Bearer ...`); the keys are in the proxy's setting client_keys.",
                headers=_CHALLENGE,
            )
        digest = _digest(shown.strip())
        if not any([compare_digest(digest, key) for key in self._keys]):
            raise ProxyError(
                errors.CLIENT_KEY,
                "The API key that came with the request is not one of this proxy's client keys (setting client_keys). "
                "A key of OpenAI or Qwen is not meant here.",
                headers=_CHALLENGE,
            )
        return shown.strip()

    def check_host(self, host: str | None, own: str = "") -> None:
        """Let pass a Host header that means this proxy; *own* is the address that the connection came in on.

        For reverse listeners and local paths.  A page that rebinds its name to our address still sends that name.
        """
        if not host or self._any_host or hostnames.is_loopback(host) or self._hosts.matches(host):
            return
        if own and hostnames.is_address(host) and hostnames.plain(host) == hostnames.plain(own):
            return
        raise ProxyError(
            errors.FORBIDDEN,
            f'The Host header "{_short(host)}" is no name of this proxy; a web page could use such a name to reach it '
            "(DNS rebinding). Use localhost or 127.0.0.1, or add the name to the setting hosts.",
        )

    def check_origin(self, origin: str | None, fetch_site: str | None) -> None:
        """Let pass what no foreign web page sent: by Origin, and where it is missing by Sec-Fetch-Site."""
        if "*" in self._origins:
            return
        if origin is None and (fetch_site is None or fetch_site.lower() in _OWN_PAGES):
            return
        if origin is not None and origin.lower() in self._origins:
            return
        page = f'from the origin "{_short(origin)}"' if origin is not None else "of another site"
        raise ProxyError(
            errors.FORBIDDEN,
            f"A web page {page} may not use this proxy. To allow it, add its origin to the setting cors_origins.",
        )

    def preflight(
        self, origin: str | None, wanted_headers: str | None, *, private_network: bool = False
    ) -> dict[str, str]:
        """The headers that answer a CORS preflight, which `check_origin` let pass.

        *wanted_headers*: Access-Control-Request-Headers; *private_network*: whether it asks to reach a local address.
        """
        echoed = wanted_headers if wanted_headers and _HEADER_NAMES.fullmatch(wanted_headers) else _SDK_HEADERS
        headers = {
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": echoed,
            "access-control-max-age": _PREFLIGHT_AGE,
        }
        if private_network:
            headers["access-control-allow-private-network"] = "true"
        asked = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        return self.shared(origin) | headers | {"vary": asked}

    def shared(self, origin: str | None) -> dict[str, str]:
        """The headers that let the page at *origin* read an answer; none for what is not a page that is allowed."""
        if not self._origins:
            return {}
        if origin is None or not ("*" in self._origins or origin.lower() in self._origins):
            return {"vary": "Origin"}
        return {"access-control-allow-origin": origin, "access-control-expose-headers": _EXPOSED, "vary": "Origin"}


def is_preflight(method: str, origin: str | None, wanted_method: str | None) -> bool:
    """Whether a request is a CORS preflight; *wanted_method*: Access-Control-Request-Method (Fetch, 4.8)."""
    return method == "OPTIONS" and origin is not None and wanted_method is not None


def check_listeners(addresses: Iterable[str], settings: Settings) -> None:
    """Refuse to listen beyond loopback by accident.

    *addresses*: the hosts to listen on, "" or "*" being all.  Raises ValueError, which says how to allow it.
    """
    open_ = [address for address in addresses if not hostnames.is_loopback(address)]
    if not open_ or (settings.allow_remote and settings.client_keys):
        return
    where = ", ".join(address or "*" for address in open_)
    missing = [name for name in ("allow_remote", "client_keys") if not getattr(settings, name)]
    raise ValueError(
        f"listening on {where} would open the proxy, and with it your quota, to other machines: listen on 127.0.0.1, "
        f"or allow it by the settings allow_remote = true and client_keys (missing: {', '.join(missing)})"
    )


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def _short(header: str) -> str:
    """A header's value as an error may quote it."""
    return header[:100].encode("ascii", "backslashreplace").decode()
