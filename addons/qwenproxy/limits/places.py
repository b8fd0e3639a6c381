"""The places for exchanges in this process: at the edge of `admission`, with a clock, futures and errors."""

import asyncio
import time
from collections.abc import Callable, Mapping

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.limits.admission import Admission, Bounds, Ticket, TurnedAway
from qwenproxy.limits.memory import Memory
from qwenproxy.record import Record
from qwenproxy.settings import Settings

SHED = 5.0  # s after which a client may try again when memory is short


class Places:
    """Who holds a place; gives it back when the record is closed.  One for the process, whatever its settings become.

    A watcher of the traffic.  *on_limit* is called with the name of each setting whose limit was hit.
    """

    def __init__(
        self,
        on_limit: Callable[[str], object] = lambda name: None,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_limit = on_limit
        self._memory = memory or Memory()
        self._clock = clock
        self._admission = Admission()
        self._tickets: dict[Record, Ticket] = {}
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}

    @property
    def queued(self) -> int:
        """How many exchanges wait for a place."""
        return self._admission.waiting

    def configure(self, settings: Settings) -> None:
        """Let *settings* hold from now on."""
        self._memory.limit = settings.memory_limit
        bounds = Bounds(settings.exchanges, settings.client_exchanges, settings.queue, settings.queue_timeout)
        self._call(self._admission.rebound(bounds, self._clock()))

    async def enter(self, record: Record, client: str) -> None:
        """Give the exchange of *record* a place for as long as it is open; waits for one in the queue.

        Raises ProxyError if there is none in time.
        """
        now = self._clock()
        self.check_memory(now)
        try:
            ticket, displaced = self._admission.enter(client, now)
        except TurnedAway as e:
            raise self._refusal(e, "queue") from None
        if displaced is not None and not (waiter := self._waiting.pop(displaced)).done():
            waiter.set_exception(self._refusal(self._admission.refusal(displaced.client), "queue"))
        if not ticket.inside:
            await self._wait(ticket)
        self._tickets[record] = ticket

    def hit(self, limit: str) -> None:
        """The setting *limit* was met outside an exchange."""
        self.on_limit(limit)

    def check_memory(self, now: float) -> None:
        """Raise ProxyError while memory is short: unless nothing is under way, whose end would free some."""
        if self._memory.short(now) and self._admission.inside:
            most = f"{self._memory.limit >> 20} MiB of memory (setting memory_limit)"
            message = f"the proxy holds more than {most}; try again"
            raise ProxyError(errors.BUSY, message, retry_after=SHED, limit="memory_limit")

    def pass_on(self, record: Record, to: Record) -> None:
        """The exchange of *record* goes on as that of *to*: in the background, whoever asked for it."""
        if (ticket := self._tickets.pop(record, None)) is not None:
            self._tickets[to] = ticket

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        """Most exchanges need no place."""

    def ended(self, record: Record) -> None:
        ticket = self._tickets.pop(record, None)
        if ticket is not None:
            self._leave(ticket)
        if record.limit:
            self.on_limit(record.limit)

    async def _wait(self, ticket: Ticket) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        try:
            async with asyncio.timeout(self._admission.bounds.wait):
                await future
        except BaseException as e:  # the time is up, the app has left, or another has taken its place in the queue
            if ticket.inside:
                self._leave(ticket)
            elif self._waiting.pop(ticket, None) is not None:
                self._admission.give_up(ticket)
            if isinstance(e, TimeoutError):
                raise self._refusal(self._admission.refusal(ticket.client), "queue_timeout") from None
            raise

    def _refusal(self, why: TurnedAway, limit: str) -> ProxyError:
        bounds = self._admission.bounds
        whose, failure, name, most = (
            ("of this client", errors.RATE_LIMIT, "client_exchanges", bounds.each)
            if why.own
            else ("in all", errors.BUSY, "exchanges", bounds.places)
        )
        full = f"the queue of {bounds.queue} is full" if bounds.queue else "nobody may wait"
        queue = f"waited {bounds.wait:g} s" if limit == "queue_timeout" else full
        message = f"{most} exchanges {whose} are under way (setting {name}), and {queue} (setting {limit}); try again"
        return ProxyError(failure, message, retry_after=why.after, limit=limit)

    def _leave(self, ticket: Ticket) -> None:
        self._call(self._admission.leave(ticket, self._clock()))

    def _call(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            if not (waiter := self._waiting.pop(ticket)).done():  # it is if its wait is over, and it has yet to hear
                waiter.set_result(None)
