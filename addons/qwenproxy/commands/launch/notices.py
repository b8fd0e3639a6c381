"""What the user should hear before the command starts: what would have kept its calls away from the proxy."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from qwenproxy import hostnames
from qwenproxy.commands.launch import bypass, trust, variables
from qwenproxy.commands.launch.variables import API_KEY, BASE_URL, JAVA, Place

STORE = re.compile(r'"-D[^"\s]*trustStore=([^"]*)"|-D\S*trustStore=(\S*)')
"""A trust store in the options of a JVM, which may be quoted as a whole."""
HEEDED = "Node 22.21 or 24"


def notices(place: Place, environ: Mapping[str, str]) -> Iterator[str]:
    """About *environ*, the user's own."""
    _, harmful = bypass.sorted_out(variables.bypasses(environ), place.hosts)
    if harmful:
        yield f"NO_PROXY has {', '.join(harmful)}: taken out for the command, or its calls would go past the proxy"
    base_url = environ.get(BASE_URL, "")
    if base_url and not _is_intercepted(base_url, place):
        yield f"{BASE_URL} is set: an app that heeds it calls {_shown(base_url)}, not the proxy"
    if place.wants_key and not environ.get(API_KEY):
        yield f"the proxy takes its own client keys only, and {API_KEY} is not set"
    if any(not trust.is_store(quoted or plain) for quoted, plain in STORE.findall(environ.get(JAVA, ""))):
        yield f"{JAVA} names a trust store: replaced for the command by one with the authorities of this system"


def about_node(version: tuple[int, ...], place: Place, environ: Mapping[str, str]) -> str:
    """What to say of a Node that does not heed proxy variables."""
    number = ".".join(map(str, version))
    said = f"Node {number} does not heed proxy variables"
    if place.reverse and not environ.get(BASE_URL):
        return (
            f"{said}: {BASE_URL} is set instead, which the official SDK reads; "
            f"an app with an address of its own needs {HEEDED}, or redirection"
        )
    return f"{said}: it needs {HEEDED}, redirection, or the address of `qwenproxy run` as its base URL"


def _is_intercepted(url: str, place: Place) -> bool:
    host = urlsplit(url).hostname or ""
    return any(hostnames.stands_for(pattern, host) for pattern in place.hosts)


def _shown(url: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
