"""The Responses API: from what an app asks to the exchange that answers it, stored or not, compacted if need be."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import orjson

from qwenproxy.archive import Archive, unkept
from qwenproxy.background import BROKEN, Begun
from qwenproxy.compacting import Compacting
from qwenproxy.endpoints.base import Call
from qwenproxy.endpoints.responses import compaction, counting, failure, stored
from qwenproxy.endpoints.responses.call import ResponsesCall, check, validate
from qwenproxy.endpoints.responses.draft import Seal
from qwenproxy.endpoints.responses.socket import Create
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, Exchange
from qwenproxy.flows.asked import Ask, json_answer
from qwenproxy.flows.kept import Kept
from qwenproxy.flows.lanes import Turn
from qwenproxy.limits.places import Places
from qwenproxy.opening import has_images
from qwenproxy.prewarming import Prewarming
from qwenproxy.recent import Recent
from qwenproxy.record import Record
from qwenproxy.recording import Plan
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.state.keys import Seals
from qwenproxy.traffic import Traffic
from qwenproxy.wire.openai import Head, Json

log = logging.getLogger(__name__)


class Opens(Protocol):
    """Makes the exchange for a call; *make*: of what kind.  Raises ProxyError."""

    async def __call__(
        self, ask: Ask, call: Call, head: Head, make: Callable[..., Exchange] = Exchange, *, tools: bool = True
    ) -> Exchange: ...


class Responding:
    """Answers requests for responses, their tokens and their compaction, for one set of settings."""

    def __init__(
        self,
        settings: Settings,
        service: Service,
        archive: Archive | None,
        seals: Seals,
        traffic: Traffic,
        places: Places,
        kept: Kept,
        exchange: Opens,
    ) -> None:
        self._settings = settings
        self._service = service
        self._archive = archive
        self._seals = seals
        self._traffic = traffic
        self._places = places
        self._kept = kept
        self._exchange = exchange

    async def response(self, ask: Ask) -> Answer:
        """POST /v1/responses.  Raises ProxyError."""
        asked = validate(ask.body(self._settings.body_limit))
        head = head_of(asked)
        return await self._told(self._planned(ask, asked, head))

    async def turn(self, ask: Ask, create: Create, recent: Recent) -> Turn:
        """The response to one message over a WebSocket, which knows the *recent* ones.  Raises ProxyError."""
        asked = create.asked
        head = head_of(asked)
        try:
            if self._archive is None:
                plan = unkept(ask.owner, asked, stored.input_ids(head.id), recent)
            else:
                plan = await self._archive.plan(ask.owner, asked, stored.input_ids(head.id), recent)
            answer = await self._respond(ask, head, plan, generate=create.generate)
        except ProxyError as e:
            raise failure.told(e) from None
        assert not isinstance(answer.body, bytes)  # it was asked for as a stream
        return Turn(head.id, answer.body, plan, ask.record)

    async def compaction(self, ask: Ask) -> Answer:
        """POST /v1/responses/compact.  Raises ProxyError."""
        asked = compaction.read(ask.body(self._settings.body_limit))
        check(asked)
        return await self._told(self._compact(ask, asked, head_of(asked)))

    async def tokens(self, ask: Ask) -> Answer:
        """POST /v1/responses/input_tokens.  Raises ProxyError."""
        asked = counting.read(ask.body(self._settings.body_limit))
        check(asked)
        plan = await self._plan(ask, asked, "resp_")
        call = self._call(plan, await self._seal(ask.owner))
        ask.record.model = call.model
        count = await asyncio.to_thread(counting.tokens, call.chat)
        answer = json_answer(counting.counted(count), ask.record)
        answer.headers["x-qwenproxy-estimated"] = counting.METHOD
        return answer

    async def _told(self, answering: Awaitable[Answer]) -> Answer:
        try:
            return await answering
        except ProxyError as e:
            raise failure.told(e) from None

    async def _planned(self, ask: Ask, asked: Json, head: Head) -> Answer:
        return await self._respond(ask, head, await self._plan(ask, asked, head.id))

    async def _respond(self, ask: Ask, head: Head, plan: Plan, *, generate: bool = True) -> Answer:
        record = ask.record
        call = self._call(plan, await self._seal(ask.owner))
        record.model, record.stream = call.model, call.stream
        if not generate:
            return await self._kept.make(Prewarming(call, head, record), head, plan)
        make = await self._kind(call)
        if not plan.background:
            exchange = await self._exchange(ask, call, head, make, tools=not call.compacts)
            return await self._kept.make(exchange, head, plan)
        begun = Begun(call, head)
        own = self._traffic.begin(Record(record.id, record.method, "background", time.monotonic), ask.headers)
        own.model, own.stream, own.client = call.model, True, record.client
        self._places.pass_on(record, own)
        try:
            exchange = await self._exchange(ask._replace(record=own), begun, head, make, tools=not call.compacts)
        except BaseException as e:  # an app that leaves, too: nobody else would close it
            if not isinstance(e, asyncio.CancelledError):
                own.failed(e if isinstance(e, ProxyError) else BROKEN)
            own.close(cut=True)
            raise
        return await self._kept.begin(ask, exchange, begun, head, plan)

    async def _compact(self, ask: Ask, asked: Json, head: Head) -> Answer:
        plan = await self._plan(ask, asked, head.id)
        call = self._call(plan, await self._seal(ask.owner), compacts=True)
        ask.record.model = call.model
        answer = await (await self._exchange(ask, call, head, tools=False)).open()
        response = orjson.loads(answer.body) if isinstance(answer.body, bytes) else {}
        if response.get("status") != "completed":
            raise compaction.UNDONE
        users = compaction.users([*plan.past, *stored.items_of(plan.asked["input"], stored.input_ids(head.id))])
        answer.body = orjson.dumps(compaction.told(response, users))
        return answer

    async def _kind(self, call: ResponsesCall) -> Callable[..., Exchange]:
        """What kind of exchange *call* takes: one that sums up first, if it asks for that and is long enough."""
        if call.compacts or not call.asked.get("context_management"):
            return Exchange
        line = self._service.usable()[0]
        row = line.row(line.resolve(call.model, images=has_images(call.chat)))
        most = compaction.threshold(call.asked, row.context)
        if most is None or not compaction.compactable(call.chat):
            return Exchange
        count = await asyncio.to_thread(counting.tokens, call.chat)
        return partial(Compacting, compacts=call) if count > most else Exchange

    async def _plan(self, ask: Ask, asked: Json, name: str) -> Plan:
        if self._archive is None:
            return Plan(ask.owner, asked, None, kept=False)
        return await self._archive.plan(ask.owner, asked, stored.input_ids(name))

    async def _seal(self, owner: str) -> Seal | None:
        """The seal of *owner*; None if there can be none: then what needs none is answered all the same."""
        try:
            return await self._seals.of(owner)
        except ProxyError as e:
            log.warning("%s", e.message)
            return None

    def _call(self, plan: Plan, seal: Seal | None, *, compacts: bool = False) -> ResponsesCall:
        return ResponsesCall(
            plan.asked,
            reasoning=self._settings.reasoning == "show",
            refuse=self._settings.unsupported == "refuse",
            seal=seal,
            clock=lambda: int(time.time()),
            past=plan.past,
            state=plan.state,
            compacts=compacts,
        )


def head_of(asked: Json) -> Head:
    """The head of a new response."""
    return Head(f"resp_{uuid.uuid4().hex}{uuid.uuid4().hex[:16]}", asked["model"], int(time.time()))
