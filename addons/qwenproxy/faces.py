"""The faces of an upstream: which one a base URL is of, and where the others of the same host are."""

import re
from urllib.parse import urlsplit

from qwenproxy.plans import HOSTED, Face, kind_of

ROUTES = ("/chat/completions", "/responses", "/completions", "/embeddings", "/models")
NATIVE_ROUTE = re.compile(r"(?:/services/[\w/-]+|/models/[^/]+:\w+)$")
"""What people leave at the end of a base URL."""
FACE_PATH = re.compile(r"(?:/compatible-mode(?:/v1)?|/apps/anthropic(?:/v1)?|/api/v1|/v1beta|/v1)$")


def face_url(base_url: str, face: Face) -> str:
    """The base URL of another face of the host at *base_url*.

    Raises ValueError if this kind of upstream has no such face.
    """
    plan = kind_of(base_url)
    if face not in plan.faces:
        has = " and ".join(plan.faces)
        raise ValueError(f"an upstream of the kind {plan.name} has no {face} face, only {has}")
    return FACE_PATH.sub("", trimmed(base_url)) + plan.faces[face]


def speaking(base_url: str, face: Face | None) -> str:
    """*base_url* if it is *face*'s, else that of *face* on the same host; of None its own one.

    Raises ValueError if this kind of upstream has no such face.
    """
    own = face_of(base_url)
    known = own in kind_of(base_url).faces
    return base_url if known and face in (own, None) else face_url(base_url, face or own)


def trimmed(base_url: str) -> str:
    """*base_url* without slashes and routes at its end.

    A known host alone, the first half of the path of its OpenAI face, and that of a face that nobody here speaks become
    its OpenAI face.
    """
    url = NATIVE_ROUTE.sub("", base_url.rstrip("/"))
    while route := next((route for route in ROUTES if url.endswith(route)), ""):
        url = url.removesuffix(route).rstrip("/")
    plan = kind_of(url)
    if plan.hosts and not urlsplit(url).path:
        return url + plan.faces["compatible"]
    found = FACE_PATH.search(url)
    if found is None or found[0] in (*HOSTED.values(), *plan.faces.values(), "/v1beta"):
        return url
    return url if found[0] == "/v1" and not plan.hosts else url[: found.start()] + plan.faces["compatible"]


def face_of(base_url: str) -> Face:
    """The dialect that a base URL speaks, by the end of its path."""
    url = trimmed(base_url)
    if url.endswith("/api/v1"):
        return "dashscope"
    return "contents" if url.endswith("/v1beta") else "compatible"
