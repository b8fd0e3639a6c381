"""Requests about what is stored: responses, their items and events, and conversations."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import orjson

from qwenproxy import errors
from qwenproxy.archive import Archive, FollowedBody
from qwenproxy.background import Background, Begun
from qwenproxy.endpoints import conversations
from qwenproxy.endpoints.responses import stored
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import EVENT_STREAM, Answer, Exchange, headers_of
from qwenproxy.flows.asked import Ask, json_answer
from qwenproxy.recording import Plan, RecordedBody, Recorder
from qwenproxy.settings import Settings
from qwenproxy.state.base import Side, Store
from qwenproxy.wire.openai import Head, Json

type Handler = Callable[[Ask], Awaitable[Answer]]


class Opens(Protocol):
    """An exchange, or what stands for one."""

    async def open(self) -> Answer: ...


SHOWN, MOST = 20, 100
"""Items in a list, unless the app says how many, and at most."""


class Wanted(NamedTuple):
    """Which items of a list an app wants."""

    after: str | None
    limit: int
    descending: bool

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """By the *query* of a request.  Raises ProxyError."""
        limit = stored.number(query, "limit", default=SHOWN, least=1, most=MOST)
        return cls(query.get("after") or None, limit, stored.descending(query))


class Kept:
    """Answers what is asked about the responses and conversations in *archive*; None: nothing is stored."""

    def __init__(self, settings: Settings, archive: Archive | None) -> None:
        self._settings = settings
        self._archive = archive
        self._handlers: Mapping[tuple[str, str], Handler] = {
            ("response", "GET"): self._response,
            ("response", "DELETE"): self._remove,
            ("response_cancel", "POST"): self._cancel,
            ("response_items", "GET"): self._input_items,
            ("conversations", "POST"): self._open,
            ("conversation", "GET"): self._conversation,
            ("conversation", "POST"): self._rewrite,
            ("conversation", "DELETE"): self._close,
            ("conversation_items", "GET"): self._items,
            ("conversation_items", "POST"): self._extend,
            ("conversation_item", "GET"): self._item,
            ("conversation_item", "DELETE"): self._drop,
        }

    async def answer(self, ask: Ask) -> Answer:
        """The answer to *ask*, of one of the endpoints above.  Raises ProxyError."""
        if self._archive is None:
            message = "Nothing is stored here: the setting state is off."
            raise ProxyError(errors.UNSUPPORTED_ENDPOINT, message)
        method = "GET" if ask.route.head else ask.request.method
        return await self._handlers[ask.route.endpoint, method](ask)

    async def make(self, exchange: Opens, head: Head, plan: Plan) -> Answer:
        """The answer of *exchange*, kept by *plan*.  Raises ProxyError."""
        answer = await exchange.open()
        if not plan.kept and plan.conversation is None:
            return answer
        archive = self._there
        recorder = Recorder(archive.store, plan)
        if isinstance(answer.body, bytes):
            await recorder.whole(orjson.loads(answer.body))
            return answer
        archive.runs[head.id] = recorder
        answer.body = RecordedBody(answer.body, recorder, lambda: archive.runs.pop(head.id, None))
        return answer

    async def begin(self, ask: Ask, exchange: Exchange, begun: Begun, head: Head, plan: Plan) -> Answer:
        """The answer to a request for a response in the background, by *exchange*.  Raises ProxyError."""
        starting = asyncio.ensure_future(Background(self._there, plan, begun, head, exchange).start())
        body = await asyncio.shield(starting)  # half begun, it would never end
        return self._followed(ask, head.id, -1) if plan.asked.get("stream") else json_answer(body, ask.record)

    @property
    def _there(self) -> Archive:
        if self._archive is None:
            raise ProxyError(errors.INTERNAL, "nothing is stored here")
        return self._archive

    @property
    def _store(self) -> Store:
        return self._there.store

    async def _response(self, ask: Ask) -> Answer:
        name = ask.route.model
        found = await self._there.find(ask.owner, name)
        if found is None:
            raise stored.missing("Response", name)
        query = ask.query
        if query.get("stream", "false").lower() not in ("true", "1"):
            return json_answer(found.body, ask.record)
        if not found.logged:
            message = "This response has no stream: it was not made with 'stream' true."
            raise ProxyError(errors.INVALID_REQUEST, message, param="stream")
        after = stored.number(query, "starting_after", default=-1, least=0, most=2**53)
        ask.record.stream = True
        return self._followed(ask, name, after)

    def _followed(self, ask: Ask, name: str, after: int) -> Answer:
        headers = {"content-type": EVENT_STREAM, "cache-control": "no-cache"} | headers_of(ask.record)
        body = FollowedBody(self._there, ask.owner, name, after, ask.record)
        return Answer(200, headers, body, self._settings.heartbeat)

    async def _remove(self, ask: Ask) -> Answer:
        await self._there.remove(ask.owner, ask.route.model)
        return json_answer({"id": ask.route.model, "object": "response", "deleted": True}, ask.record)

    async def _cancel(self, ask: Ask) -> Answer:
        return json_answer(await self._there.cancel(ask.owner, ask.route.model), ask.record)

    async def _input_items(self, ask: Ask) -> Answer:
        """All that the response was made from, of earlier responses, too; its own input if one of those is gone."""
        found = await self._there.find(ask.owner, ask.route.model)
        if found is None:
            raise stored.missing("Response", ask.route.model)
        history = await self._store.history(ask.owner, ask.route.model)
        if history is None:
            return await self._page(ask)
        wanted = Wanted.of(ask.query)
        page = stored.page(history[: len(history) - len(found.body["output"])], *wanted)
        return self._listed(ask, wanted, page)

    async def _page(self, ask: Ask) -> Answer:
        wanted = Wanted.of(ask.query)
        page = await self._store.page(ask.route.model, Side.INPUT, **wanted._asdict())
        return self._listed(ask, wanted, page)

    def _listed(self, ask: Ask, wanted: "Wanted", page: tuple[Sequence[Json], bool] | None) -> Answer:
        if page is None:
            raise stored.missing("Item", str(wanted.after), "after")
        return json_answer(stored.listing(*page), ask.record)

    async def _open(self, ask: Ask) -> Answer:
        asked = conversations.read(ask.body(self._settings.body_limit))
        body = conversations.conversation(new_id("conv"), int(time.time()), asked.get("metadata"))
        await self._store.open(ask.owner, body, stored.items_of(asked.get("items") or (), new_id))
        return json_answer(body, ask.record)

    async def _known(self, ask: Ask, name: str) -> Json:
        """The conversation.  Raises ProxyError if there is none."""
        found = await self._store.conversation(ask.owner, name)
        if found is None:
            raise stored.missing("Conversation", name)
        return found

    async def _conversation(self, ask: Ask) -> Answer:
        return json_answer(await self._known(ask, ask.route.model), ask.record)

    async def _rewrite(self, ask: Ask) -> Answer:
        asked = conversations.read(ask.body(self._settings.body_limit))
        body = await self._known(ask, ask.route.model) | {"metadata": asked.get("metadata") or {}}
        await self._store.rewrite(ask.owner, body)
        return json_answer(body, ask.record)

    async def _close(self, ask: Ask) -> Answer:
        if not await self._store.close_conversation(ask.owner, ask.route.model):
            raise stored.missing("Conversation", ask.route.model)
        return json_answer(conversations.deleted(ask.route.model), ask.record)

    async def _items(self, ask: Ask) -> Answer:
        await self._known(ask, ask.route.model)
        return await self._page(ask)

    async def _extend(self, ask: Ask) -> Answer:
        asked = conversations.read(ask.body(self._settings.body_limit))
        items = stored.items_of(asked.get("items") or (), new_id)
        if not await self._store.extend(ask.owner, ask.route.model, items):
            raise stored.missing("Conversation", ask.route.model)
        return json_answer(stored.listing(items, more=False), ask.record)

    async def _item(self, ask: Ask) -> Answer:
        conversation, _, name = ask.route.model.partition("/")
        await self._known(ask, conversation)
        found = await self._store.item(conversation, name)
        if found is None:
            raise stored.missing("Item", name)
        return json_answer(found, ask.record)

    async def _drop(self, ask: Ask) -> Answer:
        conversation, _, name = ask.route.model.partition("/")
        body = await self._known(ask, conversation)
        if not await self._store.drop(conversation, name):
            raise stored.missing("Item", name)
        return json_answer(body, ask.record)


def new_id(prefix: str) -> str:
    """An id in OpenAI's form."""
    return f"{prefix}_{uuid.uuid4().hex}{uuid.uuid4().hex[:16]}"
