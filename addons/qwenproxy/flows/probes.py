"""What other programs ask the proxy about itself: `/healthz`, `/readyz`, and `/metrics` for Prometheus.

They are no exchanges: nothing is logged or counted.  Where client keys are asked for, whoever shows none hears yes or
no, and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson

from qwenproxy import errors, hostnames
from qwenproxy.auth.oauth import OAuth
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.flows.access import Access
from qwenproxy.flows.answers import JSON
from qwenproxy.flows.listeners import PROBES
from qwenproxy.flows.readiness import readiness
from qwenproxy.flows.visits import Visit
from qwenproxy.service import Service
from qwenproxy.traffic import Meter, Traffic

METHODS = ("GET", "HEAD")
DRAINING = "it is about to end, and finishes what is under way: send requests elsewhere, or start it again"


class Probes:
    """What is answered at these paths; *meter*: what has the figures, if anything counts."""

    def __init__(self, access: Access, service: Service, traffic: Traffic, meter: Meter | None) -> None:
        self._access = access
        self._service = service
        self._traffic = traffic
        self._meter = meter
        self._paths: Mapping[str, Callable[[Visit, Mapping[str, str]], Awaitable[Answer]]] = dict(
            zip(PROBES, (self._healthz, self._readyz, self._metrics), strict=True)
        )

    async def answer(self, visit: Visit, headers: Mapping[str, str]) -> Answer:
        """The answer at one of these paths.  Raises ProxyError if there is none for this visit."""
        request = visit.flow.request
        self._access.check_host(request.host_header, visit.flow.client_conn.sockname[0])
        self._access.check_origin(headers.get("origin"), headers.get("sec-fetch-site"))
        path = request.path.partition("?")[0]
        if request.method not in METHODS:
            allow = ", ".join(METHODS)
            message = f"{request.method} is not allowed on {path}; allowed: {allow}."
            raise ProxyError(errors.METHOD_NOT_ALLOWED, message, headers={"allow": allow})
        answer = await self._paths[path](visit, headers)
        answer.headers["cache-control"] = "no-store"
        return answer

    async def _healthz(self, visit: Visit, headers: Mapping[str, str]) -> Answer:
        return Answer(200, {"content-type": "text/plain; charset=utf-8"}, b"ok\n")

    async def _readyz(self, visit: Visit, headers: Mapping[str, str]) -> Answer:
        found = [(line, readiness(line)) for line in self._service.lines]
        ready = any(each.ready for _, each in found) and not self._traffic.draining
        told: dict[str, object] = {"ready": ready}
        try:
            self._identify(visit)
        except ProxyError:
            return json_answer(ready, told)
        if self._traffic.draining:
            told |= {"why": "draining", "next": DRAINING}
        elif not ready:
            told |= {"why": found[0][1].state, "next": found[0][1].next}
        told["under_way"] = self._traffic.under_way
        told["upstreams"] = [
            {"address": line.upstream.base_url, "credential": line.credential.name, **each._asdict()}
            for line, each in found
        ]
        return json_answer(ready, told)

    async def _metrics(self, visit: Visit, headers: Mapping[str, str]) -> Answer:
        self._identify(visit)
        if self._meter is None:
            raise ProxyError(errors.UNKNOWN_URL, "Nothing is counted here: set `metrics` to true (QWENPROXY_METRICS).")
        for line in self._service.lines:
            credential = line.credential
            if isinstance(credential, OAuth) and credential.current is not None:
                self._meter.expires(credential.name, credential.current.expires_at)
        self._meter.settle()
        body, kind = await asyncio.to_thread(self._meter.exposition, headers.get("accept", ""))
        return Answer(200, {"content-type": kind}, body)

    def _identify(self, visit: Visit) -> None:
        """Raise ProxyError for whoever may not hear more than yes or no: without a client key, or from elsewhere."""
        if self._access.check_key(visit.credentials.get("authorization")) is not None:
            return
        if not hostnames.is_loopback(visit.flow.client_conn.peername[0]):
            raise ProxyError(errors.FORBIDDEN, "Other machines need a client key for this (setting client_keys).")


def json_answer(ready: bool, told: object) -> Answer:
    return Answer(200 if ready else 503, {"content-type": JSON}, orjson.dumps(told) + b"\n")
