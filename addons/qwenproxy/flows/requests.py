"""From a visit to its answer: who may, what was called, and the exchange that answers it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

from qwenproxy.archive import Archive
from qwenproxy.background import BROKEN
from qwenproxy.completion import Completion
from qwenproxy.embedding import Embedding
from qwenproxy.endpoints import engines, models
from qwenproxy.endpoints.base import Call
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.endpoints.completions import CompletionCall
from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.endpoints.responses.call import check
from qwenproxy.endpoints.responses.socket import Create
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, Exchange
from qwenproxy.flows import access, answers, listeners, routes, turns
from qwenproxy.flows.asked import Ask, json_answer, owner_of
from qwenproxy.flows.kept import Kept
from qwenproxy.flows.lanes import Turn
from qwenproxy.flows.local import Local
from qwenproxy.flows.probes import Probes
from qwenproxy.flows.responding import Responding
from qwenproxy.flows.visits import Visit, plain_headers
from qwenproxy.limits.places import Places
from qwenproxy.limits.rates import RateLimits, client_id
from qwenproxy.recent import Recent
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.shared.place import Shared
from qwenproxy.state.keys import Seals, own
from qwenproxy.tools import policy
from qwenproxy.tools.toolbox import Toolbox
from qwenproxy.traffic import Meter, Traffic
from qwenproxy.wire.openai import Head

RESPONSES = routes.Served("responses")
ASK_MODELS = frozenset({"chat", "responses", "input_tokens", "completions", "embeddings"})
"""Endpoints whose calls need a place; the others are answered from here, quickly."""


class Desk:
    """Where every request of ours is received: one for each set of settings."""

    def __init__(
        self,
        settings: Settings,
        service: Service,
        toolbox: Toolbox | None = None,
        archive: Archive | None = None,
        traffic: Traffic | None = None,
        seals: Seals | None = None,
        meter: Meter | None = None,
        places: Places | None = None,
    ) -> None:
        """*toolbox*: the proxy's own tools, if there are any.  *archive*: what is stored; None: nothing is.

        *traffic*: where the process's exchanges are counted.  *seals*: for what apps carry; without, for a while only.
        *meter*: what has figures for whoever asks.  *places*: which exchanges have to wait.
        """
        self.service = service
        self.settings = settings
        self.successor: Desk | None = None
        """Who has taken over."""
        self.closed = False
        self.places = places or Places()
        self.traffic = traffic or Traffic([self.places])
        self._toolbox = toolbox
        self._kept = Kept(settings, archive)
        self.patience = settings.exchange_timeout or None
        self._access = access.Access(settings)
        self._limits = limits(settings, service.shared)
        self._local = Local(settings, service)
        self._probes = Probes(self._access, service, self.traffic, meter)
        responding = self._responding = Responding(
            settings, service, archive, seals or own(), self.traffic, self.places, self._kept, self._exchange
        )
        self._since = int(time.time())  # what models say they were created at: nobody tells
        self._endpoints: dict[str, Callable[[Ask], Awaitable[Answer]]] = {
            "chat": self._chat,
            "responses": responding.response,
            "compact": responding.compaction,
            "input_tokens": responding.tokens,
            "embeddings": self._embeddings,
            "models": self._models,
            "model": self._model,
            "completions": self._completions,
            "engines": self._engines,
            "engine": self._engine,
            **{row[2].endpoint: self._kept.answer for row in routes.STORED if isinstance(row[2], routes.Served)},
        }

    def inherit(self, before: "Desk") -> None:
        """Go on where *before* ends: with what its service has learned, and with what its clients have used up."""
        before.successor = self
        self.service.inherit(before.service)
        self._local.inherit(before._local)
        if (self._limits.spec, self._limits.link) == (before._limits.spec, before._limits.link):
            self._limits = before._limits

    async def answer(self, visit: Visit) -> Answer:
        """The answer to *visit*, an error in OpenAI's shape included; every page's right to read it as well."""
        request = visit.flow.request
        headers = plain_headers(request)
        if listeners.is_probe(request.path) and listeners.is_local(visit.flow):
            return await self._probe(visit, headers)
        name, method = answers.request_id(visit.flow.id), request.method
        record = visit.record = self.traffic.begin(Record(name, method, "-", time.monotonic, keep=visit.keep), headers)
        try:
            answer = await self._routed(visit, headers, record)
        except ProxyError as e:
            record.failed(visit.masked(e))
            answer = answers.of_error(e, visit.flow.id)
        except asyncio.CancelledError:
            record.close(cut=True)
            raise
        except Exception:  # a fault of ours: it leaves its line in the log, and `Visit.open` answers
            record.failed(BROKEN)
            record.close()
            raise
        if isinstance(answer.body, bytes):
            record.status = answer.status
            record.close()
        if shared := self._access.shared(headers.get("origin")):
            answer.headers = shared | answer.headers
        return answer

    async def _probe(self, visit: Visit, headers: Mapping[str, str]) -> Answer:
        try:
            return await self._probes.answer(visit, headers)
        except ProxyError as e:
            return answers.of_error(e, visit.flow.id)

    async def _routed(self, visit: Visit, headers: Mapping[str, str], record: Record) -> Answer:
        request = visit.flow.request
        self._access.check_lines(len(request.headers.fields))
        origin = headers.get("origin")
        is_local = listeners.is_local(visit.flow)
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
        if route.endpoint == "socket":
            return turns.connect(self, visit, headers)
        client = record.client = client_id(key, visit.flow.client_conn.peername[0])
        standing = await self._limits.check(client)
        owner = owner_of(visit.credentials.get("authorization"))
        if route.endpoint in ASK_MODELS:
            await self.places.enter(record, client)
        ask = Ask(request, headers, route, record, key, client, owner)
        answer = await self._endpoints[route.endpoint](ask)
        answer.headers |= standing.headers()
        return answer

    async def turn(self, visit: Visit, record: Record, create: Create, recent: Recent) -> Turn:
        """The response to one message over the WebSocket of *visit*.  Raises ProxyError."""
        request, shown, asked = visit.flow.request, visit.credentials.get("authorization"), create.asked
        key = self._access.check_key(shown)
        client = record.client = client_id(key, visit.flow.client_conn.peername[0])
        await self._limits.check(client)
        check(asked)
        await self.places.enter(record, client)
        ask = Ask(request, plain_headers(request), RESPONSES, record, key, client, owner_of(shown))
        return await self._responding.turn(ask, create, recent)

    async def _chat(self, ask: Ask) -> Answer:
        record = ask.record
        body = self._body(ask)
        call = ChatCall(body, reasoning=self.settings.reasoning == "show")
        record.model, record.stream = call.model, call.stream
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", call.model, int(time.time()))
        return await (await self._exchange(ask, call, head)).open()

    async def _exchange(
        self, ask: Ask, call: Call, head: Head, make: Callable[..., Exchange] = Exchange, *, tools: bool = True
    ) -> Exchange:
        """The exchange for *call*, of the kind *make*, with the *tools* of the proxy that are on for it, if any may be.

        Raises ProxyError.
        """
        wanted = policy.asked(ask.headers.get(policy.HEADER), call.chat.pop(policy.FIELD, None))
        kit = None
        if self._toolbox is not None and tools:
            allowed = policy.allowed(self.settings, ask.key, wanted)
            kit = await self._toolbox.kit(allowed, exchange=ask.record.id) if allowed else None
        agent = ask.headers.get("user-agent", "")
        if self.service.continuations.shared is not None:
            await self.service.continuations.fetch(ask.client, call.chat["messages"])
        return make(self.service, call, head, ask.record, agent=agent, client=ask.client, kit=kit)

    async def _completions(self, ask: Ask) -> Answer:
        record, refuse = ask.record, self.settings.unsupported == "refuse"
        call = await asyncio.to_thread(CompletionCall, self._body(ask), refuse=refuse)  # token ids take their time
        record.model, record.stream = call.model, call.stream
        head = Head(f"cmpl-{uuid.uuid4().hex}", call.model, int(time.time()))
        return await Completion(self.service, call, head, record, agent=ask.headers.get("user-agent", "")).open()

    async def _embeddings(self, ask: Ask) -> Answer:
        body = self._body(ask)
        call = await asyncio.to_thread(EmbeddingCall, body)  # token ids take their time
        ask.record.model = call.model
        return await Embedding(self.service, call, ask.record, agent=ask.headers.get("user-agent", "")).open()

    async def _models(self, ask: Ask) -> Answer:
        offer = await self.service.offer(ask.headers.get("user-agent", ""))
        return json_answer(models.listing(offer.models(), self._since), ask.record)

    async def _model(self, ask: Ask) -> Answer:
        offer = await self.service.offer(ask.headers.get("user-agent", ""))
        return json_answer(models.one(ask.route.model, offer.find(ask.route.model), self._since), ask.record)

    async def _engines(self, ask: Ask) -> Answer:
        offer = await self.service.offer(ask.headers.get("user-agent", ""))
        return json_answer(engines.listing(offer.models()), ask.record)

    async def _engine(self, ask: Ask) -> Answer:
        offer = await self.service.offer(ask.headers.get("user-agent", ""))
        return json_answer(engines.one(ask.route.model, offer.find(ask.route.model)), ask.record)

    def _body(self, ask: Ask) -> bytes:
        """The request's body, unpacked, with the model that its path names, if it names one.  Raises ProxyError."""
        body = ask.body(self.settings.body_limit)
        return engines.named(body, ask.route.model) if ask.route.model else body


def limits(settings: Settings, shared: Shared | None = None) -> RateLimits:
    """The limits for clients, *shared* with other machines or not.  Raises ValueError, which names the setting."""
    try:
        return RateLimits(settings.rate_limit, link=None if shared is None else shared.link)
    except ValueError as e:
        raise ValueError(f"{settings.sources.get('rate_limit', 'rate_limit')}: {e}") from None
