"""From a visit to its answer: who may, what was called, and the exchange that answers it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

from mitmproxy.proxy.mode_specs import ReverseMode

from qwenproxy import errors
from qwenproxy.archive import Archive, unkept
from qwenproxy.background import Begun
from qwenproxy.completion import Completion
from qwenproxy.embedding import Embedding
from qwenproxy.endpoints import engines, models
from qwenproxy.endpoints.base import Call
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.endpoints.completions import CompletionCall
from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.endpoints.responses import counting, failure, stored
from qwenproxy.endpoints.responses.call import ResponsesCall, check, validate
from qwenproxy.endpoints.responses.socket import Create
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, Exchange
from qwenproxy.flows import access, answers, routes, turns
from qwenproxy.flows.asked import Ask, json_answer, owner_of
from qwenproxy.flows.kept import Kept
from qwenproxy.flows.lanes import Turn
from qwenproxy.flows.local import Local
from qwenproxy.flows.visits import Visit, plain_headers
from qwenproxy.limits import RateLimits, client_id
from qwenproxy.prewarming import Prewarming
from qwenproxy.recent import Recent
from qwenproxy.record import Record
from qwenproxy.recording import Plan
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.tools import policy
from qwenproxy.tools.toolbox import Toolbox
from qwenproxy.traffic import Traffic
from qwenproxy.wire.openai import Head, Json

RESPONSES = routes.Served("responses")
PATIENCE = 30.0  # s that opening an answer may take beyond the upstream's longest silence and the time for tools


class Desk:
    """Where every request of ours is received: one for each set of settings."""

    def __init__(
        self,
        settings: Settings,
        service: Service,
        toolbox: Toolbox | None = None,
        archive: Archive | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        """*toolbox*: the proxy's own tools, if there are any.  *archive*: what is stored; None: nothing is.

        *traffic*: where the process's exchanges are counted.
        """
        self.service = service
        self.settings = settings
        self.successor: Desk | None = None
        """Who has taken over."""
        self.closed = False
        self.traffic = traffic or Traffic()
        self._toolbox = toolbox
        self._archive = archive
        self._kept = Kept(settings, archive)
        self.patience = 4 * settings.idle_timeout + settings.tool_time + PATIENCE
        self._access = access.Access(settings)
        self._limits = limits(settings)
        self._local = Local(settings, service)
        self._since = int(time.time())  # what models say they were created at: nobody tells
        self._endpoints: dict[str, Callable[[Ask], Awaitable[Answer]]] = {
            "chat": self._chat,
            "responses": self._responses,
            "input_tokens": self._input_tokens,
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
        if self._limits.spec == before._limits.spec:
            self._limits = before._limits

    async def answer(self, visit: Visit) -> Answer:
        """The answer to *visit*, an error in OpenAI's shape included; every page's right to read it as well."""
        headers = plain_headers(visit.flow.request)
        name, method = answers.request_id(visit.flow.id), visit.flow.request.method
        record = visit.record = self.traffic.begin(Record(name, method, "-", time.monotonic, keep=visit.keep))
        try:
            answer = await self._routed(visit, headers, record)
        except ProxyError as e:
            record.failed(e)
            answer = answers.of_error(e, visit.flow.id)
        except asyncio.CancelledError:
            record.close(cut=True)
            raise
        except Exception:  # a fault of ours: it leaves its line in the log, and `Visit.open` answers
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
        if route.endpoint == "socket":
            return turns.connect(self, visit, headers)
        client = client_id(key, visit.flow.client_conn.peername[0])
        standing = await self._limits.check(client)
        owner = owner_of(visit.credentials.get("authorization"))
        ask = Ask(request, headers, route, record, key, client, owner)
        answer = await self._endpoints[route.endpoint](ask)
        answer.headers |= standing.headers()
        return answer

    async def turn(self, visit: Visit, record: Record, create: Create, recent: Recent) -> Turn:
        """The response to one message over the WebSocket of *visit*.  Raises ProxyError."""
        request, shown, asked = visit.flow.request, visit.credentials.get("authorization"), create.asked
        key = self._access.check_key(shown)
        client = client_id(key, visit.flow.client_conn.peername[0])
        await self._limits.check(client)
        check(asked)
        ask = Ask(request, plain_headers(request), RESPONSES, record, key, client, owner_of(shown))
        head = response_head(asked)
        try:
            if self._archive is None:
                plan = unkept(ask.owner, asked, stored.input_ids(head.id), recent)
            else:
                plan = await self._archive.plan(ask.owner, asked, stored.input_ids(head.id), recent)
            answer = await self._responded(ask, asked, head, plan, generate=create.generate)
        except ProxyError as e:
            raise failure.told(e) from None
        assert not isinstance(answer.body, bytes)  # it was asked for as a stream
        return Turn(head.id, answer.body, plan, record)

    async def _chat(self, ask: Ask) -> Answer:
        record = ask.record
        body = self._body(ask)
        call = ChatCall(body, reasoning=self.settings.reasoning == "show")
        record.model, record.stream = call.model, call.stream
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", call.model, int(time.time()))
        return await (await self._exchange(ask, call, head)).open()

    async def _exchange(self, ask: Ask, call: Call, head: Head) -> Exchange:
        """The exchange for *call*, with the tools of the proxy that are on for it.  Raises ProxyError."""
        wanted = policy.asked(ask.headers.get(policy.HEADER), call.chat.pop(policy.FIELD, None))
        kit = None
        if self._toolbox is not None:
            allowed = policy.allowed(self.settings, ask.key, wanted)
            kit = await self._toolbox.kit(allowed, exchange=ask.record.id) if allowed else None
        agent = ask.headers.get("user-agent", "")
        return Exchange(self.service, call, head, ask.record, agent=agent, client=ask.client, kit=kit)

    async def _responses(self, ask: Ask) -> Answer:
        asked = validate(ask.body(self.settings.body_limit))
        head = response_head(asked)
        try:
            plan = None
            if self._archive is not None:
                plan = await self._archive.plan(ask.owner, asked, stored.input_ids(head.id))
            return await self._responded(ask, asked, head, plan)
        except ProxyError as e:
            raise failure.told(e) from None

    async def _responded(
        self, ask: Ask, asked: Json, head: Head, plan: Plan | None, *, generate: bool = True
    ) -> Answer:
        record, settings = ask.record, self.settings
        call = ResponsesCall(
            asked if plan is None else plan.asked,
            reasoning=settings.reasoning == "show",
            refuse=settings.unsupported == "refuse",
            clock=lambda: int(time.time()),
            past=() if plan is None else plan.past,
            state=None if plan is None else plan.state,
        )
        record.model, record.stream = call.model, call.stream
        if plan is not None and not generate:
            return await self._kept.make(Prewarming(call, head, record), head, plan)
        if plan is None:
            return await (await self._exchange(ask, call, head)).open()
        if not plan.background:
            return await self._kept.make(await self._exchange(ask, call, head), head, plan)
        begun = Begun(call, head)
        own = self.traffic.begin(Record(record.id, record.method, "background", time.monotonic))
        own.model, own.stream = call.model, True
        exchange = await self._exchange(ask._replace(record=own), begun, head)
        return await self._kept.begin(ask, exchange, begun, head, plan)

    async def _input_tokens(self, ask: Ask) -> Answer:
        asked = counting.read(ask.body(self.settings.body_limit))
        check(asked)
        plan = None
        if self._archive is not None:
            plan = await self._archive.plan(ask.owner, asked, stored.input_ids("resp_"))
        call = ResponsesCall(
            asked if plan is None else plan.asked,
            past=() if plan is None else plan.past,
            state=None if plan is None else plan.state,
        )
        ask.record.model = call.model
        count = await asyncio.to_thread(counting.tokens, call.chat)
        answer = json_answer(counting.counted(count), ask.record)
        answer.headers["x-qwenproxy-estimated"] = counting.METHOD
        return answer

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


def response_head(asked: Json) -> Head:
    """That of a response to *asked*, with an id of its own."""
    return Head(f"resp_{uuid.uuid4().hex}{uuid.uuid4().hex[:16]}", asked["model"], int(time.time()))


def limits(settings: Settings) -> RateLimits:
    """The limits for clients.  Raises ValueError, which names the setting."""
    try:
        return RateLimits(settings.rate_limit)
    except ValueError as e:
        raise ValueError(f"{settings.sources.get('rate_limit', 'rate_limit')}: {e}") from None
