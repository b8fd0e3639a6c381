"""From a visit to its answer: who may, what was called, and the exchange that answers it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import orjson
from mitmproxy import http
from mitmproxy.proxy.mode_specs import ReverseMode

from qwenproxy import errors
from qwenproxy.embedding import Embedding
from qwenproxy.endpoints import models
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, Exchange
from qwenproxy.flows import access, answers, bodies, routes
from qwenproxy.flows.local import Local
from qwenproxy.flows.visits import Visit, plain_headers
from qwenproxy.limits import RateLimits, client_id
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.wire.openai import Head

PATIENCE = 30.0  # s that opening an answer may take beyond the upstream's longest silence


class Ask(NamedTuple):
    """What an endpoint of ours is asked."""

    request: http.Request
    headers: Mapping[str, str]
    route: routes.Served
    record: Record


class Desk:
    """Where every request of ours is received: one for each set of settings."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self.service = service
        self.patience = 4 * settings.idle_timeout + PATIENCE
        self._settings = settings
        self._access = access.Access(settings)
        self._limits = limits(settings)
        self._local = Local(settings, service)
        self._since = int(time.time())  # what models say they were created at: nobody tells
        self._endpoints: dict[str, Callable[[Ask], Awaitable[Answer]]] = {
            "chat": self._chat,
            "embeddings": self._embeddings,
            "models": self._models,
            "model": self._model,
        }

    def inherit(self, before: "Desk") -> None:
        """Go on where *before* ends: with what its service has learned, and with what its clients have used up."""
        self.service.inherit(before.service)
        self._local.inherit(before._local)
        if self._limits.spec == before._limits.spec:
            self._limits = before._limits

    async def answer(self, visit: Visit) -> Answer:
        """The answer to *visit*, an error in OpenAI's shape included; every page's right to read it as well."""
        headers = plain_headers(visit.flow.request)
        record = Record(
            answers.request_id(visit.flow.id), visit.flow.request.method, "-", time.monotonic, keep=visit.keep
        )
        visit.record = record
        try:
            answer = await self._routed(visit, headers, record)
        except ProxyError as e:
            record.failed(e)
            answer = answers.of_error(e, visit.flow.id)
        except asyncio.CancelledError:
            record.close(cut=True)
            raise
        except Exception:
            record.failed(ProxyError(errors.INTERNAL, "internal error in the proxy"))
            record.close()
            raise
        if isinstance(answer.body, bytes):
            record.status = answer.status
            record.close()
        answer.headers |= self._access.shared(headers.get("origin")) | answer.headers
        return answer

    async def _routed(self, visit: Visit, headers: Mapping[str, str], record: Record) -> Answer:
        request = visit.flow.request
        origin = headers.get("origin")
        is_local = isinstance(visit.flow.client_conn.proxy_mode, ReverseMode)
        if is_local:
            self._access.check_host(request.host_header, visit.flow.client_conn.sockname[0])
        self._access.check_origin(origin, headers.get("sec-fetch-site"))
        if access.is_preflight(request.method, origin, headers.get("access-control-request-method")):
            private = headers.get("access-control-request-private-network") == "true"
            wanted = headers.get("access-control-request-headers")
            return Answer(204, self._access.preflight(origin, wanted, private_network=private), b"")
        if is_local and (answer := await self._local.answer(visit, headers)) is not None:
            return answer
        key = self._access.check_key(visit.credentials.get("authorization"))
        route = routes.find(request.method, request.path, headers)
        if isinstance(route, routes.Empty):
            return Answer(204, {"x-request-id": record.id, **route.headers}, b"")
        record.endpoint = route.endpoint
        self._local.note(record)
        standing = await self._limits.check(client_id(key, visit.flow.client_conn.peername[0]))
        answer = await self._endpoints[route.endpoint](Ask(request, headers, route, record))
        answer.headers |= standing.headers()
        return answer

    async def _chat(self, ask: Ask) -> Answer:
        record = ask.record
        body = bodies.body_of(ask.request, ask.headers.get("content-encoding", ""), self._settings.body_limit)
        call = ChatCall(body, reasoning=self._settings.reasoning == "show")
        record.model, record.stream = call.model, call.stream
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", call.model, int(time.time()))
        agent = ask.headers.get("user-agent", "")
        return await Exchange(self.service, call, head, record, agent=agent).open()

    async def _embeddings(self, ask: Ask) -> Answer:
        body = bodies.body_of(ask.request, ask.headers.get("content-encoding", ""), self._settings.body_limit)
        call = await asyncio.to_thread(EmbeddingCall, body)  # token ids take their time
        ask.record.model = call.model
        return await Embedding(self.service, call, ask.record, agent=ask.headers.get("user-agent", "")).open()

    async def _models(self, ask: Ask) -> Answer:
        offer = await self.service.offer(ask.headers.get("user-agent", ""))
        return json_answer(models.listing(offer.models(), self._since), ask.record)

    async def _model(self, ask: Ask) -> Answer:
        offer = await self.service.offer(ask.headers.get("user-agent", ""))
        return json_answer(models.one(ask.route.model, offer.find(ask.route.model), self._since), ask.record)


def limits(settings: Settings) -> RateLimits:
    """The limits for clients.  Raises ValueError, which names the setting."""
    try:
        return RateLimits(settings.rate_limit)
    except ValueError as e:
        raise ValueError(f"{settings.sources.get('rate_limit', 'rate_limit')}: {e}") from None


def json_answer(value: object, record: Record) -> Answer:
    return Answer(200, {"content-type": answers.JSON, "x-request-id": record.id}, orjson.dumps(value))
