"""What an endpoint of ours is asked, and its plain answers."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl

import orjson
from mitmproxy import http

from qwenproxy.exchange import Answer
from qwenproxy.flows import answers, bodies, routes
from qwenproxy.record import Record


class Ask(NamedTuple):
    """One request at an endpoint."""

    request: http.Request
    headers: Mapping[str, str]
    route: routes.Served
    record: Record
    key: str | None
    """The client key that was shown, if any had to be."""
    client: str
    """Who is counted, and whose the answer is."""
    owner: str = ""
    """Whose is what is stored for it."""

    @property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(self.request.path.partition("?")[2], keep_blank_values=True))

    def body(self, limit: int) -> bytes:
        """The body, unpacked; up to *limit* bytes.  Raises ProxyError."""
        return bodies.body_of(self.request, self.headers.get("content-encoding", ""), limit)


@lru_cache(maxsize=256)
def owner_of(authorization: str | None) -> str:
    """Whose is what is stored for whoever shows this: a digest, from which no key can be had back."""
    shown = (authorization or "").strip().partition(" ")[2].strip()
    return sha256(b"qwenproxy state\0" + shown.encode("utf-8", "surrogateescape")).hexdigest()


def json_answer(value: object, record: Record) -> Answer:
    return Answer(200, {"content-type": answers.JSON, "x-request-id": record.id}, orjson.dumps(value))
