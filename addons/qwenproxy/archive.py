"""Stored responses: what leads to a new one, what becomes of those that were being made, and the log of each."""

import asyncio
import logging

from qwenproxy.endpoints import conversations
from qwenproxy.endpoints.responses import failure, stored
from qwenproxy.errors import INTERNAL, INVALID_REQUEST, PREVIOUS_NOT_FOUND, UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.recent import Known, Recent
from qwenproxy.record import Record
from qwenproxy.recording import Plan, Recorder
from qwenproxy.state.base import Ending, Store, Stored, Unusable
from qwenproxy.wire.openai import Json

log = logging.getLogger(__name__)

NEEDING = ("previous_response_id", "conversation", "background")
"""Fields of a request that nobody can answer without a store."""
POLL = 0.25
"""Seconds between two looks at a log that another process writes."""

RESTARTED = ProxyError(INTERNAL, "The proxy was stopped while it was making this response; ask again.")


class Archive:
    """The stored responses and conversations of all apps, in *store*.

    `runs`: the responses that this process is making, by their ids; `tasks`: what makes those in the background.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs: dict[str, Recorder] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._recovered = False

    async def plan(self, owner: str, asked: Json, name: stored.Name, recent: Recent | None = None) -> Plan:
        """How the response to *asked* is to be kept, and what leads to it; *name* makes ids.  Raises ProxyError.

        *recent*: what the app's connection remembers, stored or not.  Where nothing can be kept, what needs nothing of
        it is answered all the same.
        """
        known = None if recent is None else recent.find(asked.get("previous_response_id"))
        try:
            await self.recover()
        except Unusable as e:
            needed = {field for field in NEEDING if asked.get(field)}
            if needed - ({"previous_response_id"} if known is not None else set()) or stored.references(asked["input"]):
                raise
            log.warning("a response is not kept: %s", e.message)
            return unkept(owner, asked, name, recent)
        return await self._plan(owner, asked, name, known)

    async def _plan(self, owner: str, asked: Json, name: stored.Name, known: Known | None) -> Plan:
        kept, background = asked.get("store") is not False, bool(asked.get("background"))
        previous, conversation = asked.get("previous_response_id"), conversations.named(asked.get("conversation"))
        if background and not kept:
            raise _refused("background", "needs a stored response: it must not come with 'store' false")
        if previous is not None and conversation is not None:
            raise _refused("previous_response_id", "and 'conversation' exclude one another: send one of them")
        past: list[Json] = []
        state: Json = {"store": kept, "background": background, "previous_response_id": previous}
        if known is not None:
            past = [*known.items]
        elif previous is not None:
            past = await self._history(owner, previous)
        elif conversation is not None:
            past = await self._content(owner, conversation)
            state["conversation"] = {"id": conversation}
        asked = await self._resolved(owner, asked, past)
        own = stored.items_of(asked["input"], name)
        if known is not None and not known.kept:
            return Plan(owner, asked, state, past, own, None, conversation, kept, background, unkept=past)
        return Plan(owner, asked, state, past, own, previous, conversation, kept, background)

    async def _history(self, owner: str, previous: str) -> list[Json]:
        found = await self.find(owner, previous)
        if found is not None and found.running:
            raise _refused("previous_response_id", "names a response that is still being made: wait until it is ready")
        history = None if found is None else await self.store.history(owner, previous)
        if history is None:
            raise _lost(previous, "not found" if found is None else "not complete any more: an earlier one is gone")
        return history

    async def _content(self, owner: str, conversation: str) -> list[Json]:
        content = await self.store.content(owner, conversation)
        if content is None:
            raise stored.missing("Conversation", conversation, "conversation")
        return content

    async def _resolved(self, owner: str, asked: Json, past: list[Json]) -> Json:
        """*asked* with the items that it refers to; those that come before it anyway are not said twice."""
        wanted = stored.references(asked["input"])
        if not wanted:
            return asked
        known = await self.store.referred(owner, wanted)
        return asked | {"input": stored.resolved(asked["input"], known, frozenset(item["id"] for item in past))}

    async def find(self, owner: str, response: str) -> Stored | None:
        """The response; one whose process has died is ended as failed first."""
        found = await self.store.find(owner, response)
        if found is None or not found.orphan:
            return found
        await self._bury(found)
        return await self.store.find(owner, response)

    async def recover(self) -> None:
        """End, once, what processes have left that are no more."""
        if self._recovered:
            return
        for owner, name in await self.store.orphans():
            await self.find(owner, name)
        self._recovered = True

    async def _bury(self, found: Stored) -> None:
        name = found.body["id"]
        output, number = await self._told(name)
        body, event = stored.failed(found.body | {"output": output}, RESTARTED, number)
        await self.store.end(name, Ending(body, output, number, [event] if found.logged else ()))

    async def _told(self, name: str) -> tuple[list[Json], int]:
        """The items that are done by the log of a response, and how many events it has."""
        output: list[Json] = []
        number = 0
        while events := (await self.store.log(name, number - 1)).events:
            output += stored.done_items(events)
            number += len(events)
        return output, number

    async def cancel(self, owner: str, response: str) -> Json:
        """The response, which is not made any further.  Raises ProxyError."""
        found = await self.find(owner, response)
        if found is None:
            raise stored.missing("Response", response)
        if not found.body["background"]:
            raise ProxyError(INVALID_REQUEST, "Only a response in the background can be cancelled.")
        if not found.running:
            return found.body
        if (run := self.runs.get(response)) is not None:
            await run.settle()
        output, _ = await self._told(response)
        await self.store.end(response, Ending(found.body | {"status": "cancelled"}, output))
        self.stop(response)
        return (await self.find(owner, response) or found).body

    async def remove(self, owner: str, response: str) -> None:
        """Forget it, and make it no further.  Raises ProxyError."""
        if not await self.store.remove(owner, response):
            raise stored.missing("Response", response)
        self.stop(response)

    def stop(self, response: str) -> None:
        if (task := self.tasks.get(response)) is not None:
            task.cancel()

    async def close(self) -> None:
        """End what is going on, and let go of the store."""
        for name, task in list(self.tasks.items()):
            if (run := self.runs.get(name)) is not None:
                await run.fail(RESTARTED)
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.store.close()


class FollowedBody:
    """The events of a stored response from behind the number *after*, as long as more come; told in *record*."""

    def __init__(self, archive: Archive, owner: str, response: str, after: int, record: Record) -> None:
        self._archive = archive
        self._owner = owner
        self._response = response
        self._after = after
        self._record = record
        self._ending = False
        self._over = False

    @property
    def over(self) -> bool:
        return self._over or self._ending

    async def read(self) -> bytes:
        """The next events; b"" at the end.  Should the store fail, an error is the last."""
        try:
            return b"" if self._over else await self._more()
        except ProxyError as e:
            return await self.fail(e)

    async def fail(self, error: ProxyError) -> bytes:
        self._over = True
        self._record.failed(error)
        return failure.encoded(error)

    async def close(self) -> None:
        self._record.close(cut=not self._over)

    async def _more(self) -> bytes:
        while True:
            run = self._archive.runs.get(self._response)
            changed = None if run is None else run.changed
            log = await self._archive.store.log(self._response, self._after)
            if log.events:
                self._after += len(log.events)
                return b"".join(log.events)
            if log.over:
                if self._ending:
                    self._over = True
                    return b""
                self._ending = True
                await self._archive.find(self._owner, self._response)  # which tells the end, if its process has died
            else:
                await _news(changed)


def unkept(owner: str, asked: Json, name: stored.Name, recent: Recent | None) -> Plan:
    """The plan where nothing is stored.  Raises ProxyError."""
    previous = asked.get("previous_response_id")
    known = None if recent is None else recent.find(previous)
    if asked.get("conversation"):
        message = "'conversation' needs stored items, and nothing is stored here: the setting state is off."
        raise ProxyError(UNSUPPORTED_PARAMETER, message, param="conversation")
    if previous is not None and known is None:
        raise _lost(previous, "not found")
    past = [] if known is None else [*known.items]
    if stored.references(asked["input"]):
        asked = asked | {"input": stored.resolved(asked["input"], {}, frozenset(item["id"] for item in past))}
    state = {"store": False, "previous_response_id": previous}
    return Plan(owner, asked, state, past, stored.items_of(asked["input"], name), kept=False)


async def _news(changed: asyncio.Event | None) -> None:
    try:
        async with asyncio.timeout(POLL):
            await (asyncio.Event() if changed is None else changed).wait()
    except TimeoutError:
        pass


def _lost(previous: str, how: str) -> ProxyError:
    message = f"Previous response with id '{previous[:100]}' {how}."
    return ProxyError(PREVIOUS_NOT_FOUND, message, param="previous_response_id")


def _refused(param: str, why: str) -> ProxyError:
    return ProxyError(INVALID_REQUEST, f"'{param}' {why}.", param=param)
