"""Who may begin now, who waits for a place, and who is turned away.

A state machine without a clock: the time is passed in, and what changes is handed back.  After every step none of those
who wait could begin, so whoever finds a place free overtakes nobody.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

USUAL = 5.0  # s that a place is held, as long as nobody knows better
LEARNS = 0.1  # how much the latest one weighs
LONGEST = 60.0  # s; of the times that are guessed


class Bounds(NamedTuple):
    """How many may be inside, in all and of one client (0: any number), and wait, and for how many seconds."""

    places: int = 0
    each: int = 0
    queue: int = 0
    wait: float = 0.0


@dataclass(slots=True, eq=False)
class Ticket:
    """One that wants in.  *since*: when it came, then when it began."""

    client: str
    since: float
    inside: bool = False


class TurnedAway(Exception):
    """No place, now or within the time.  *own*: it is the client's own share that is used up."""

    def __init__(self, *, own: bool, after: float) -> None:
        super().__init__("no place")
        self.own = own
        self.after = after
        """Seconds after which it may be worth another try."""


class Admission:
    """The places, and the queue in front of them.

    Places go to clients in turn, and to each client's in the order they came.  When the queue is full, the longest line
    in it loses its last one to a client that has fewer.
    """

    def __init__(self) -> None:
        self.bounds = Bounds()
        self.inside = 0
        self.waiting = 0
        self._inside_of: dict[str, int] = {}
        self._lines: dict[str, deque[Ticket]] = {}
        """Who waits, by client; whose turn is next comes first."""
        self._held = USUAL

    def enter(self, client: str, now: float) -> tuple[Ticket, Ticket | None]:
        """A ticket, inside or in the queue, and the one that had to leave the queue for it, if any.

        Raises TurnedAway.
        """
        ticket = Ticket(client, now)
        if self._fits(client):
            self._begin(ticket, now)
            return ticket, None
        line = self._lines.get(client)
        displaced = None
        if self.waiting >= self.bounds.queue:
            longest = max(self._lines.values(), key=len, default=None)
            if longest is None or len(longest) <= 1 + (len(line) if line else 0):
                raise self.refusal(client)
            displaced = longest[-1]
            self.give_up(displaced)
        self._lines.setdefault(client, deque()).append(ticket)
        self.waiting += 1
        return ticket, displaced

    def give_up(self, ticket: Ticket) -> None:
        """One in the queue does not wait any longer."""
        line = self._lines[ticket.client]
        line.remove(ticket)
        if not line:
            del self._lines[ticket.client]
        self.waiting -= 1

    def leave(self, ticket: Ticket, now: float) -> list[Ticket]:
        """One that was inside has gone; those that begin in its place."""
        self._held += LEARNS * (now - ticket.since - self._held)
        self.inside -= 1
        left = self._inside_of[ticket.client] - 1
        if left:
            self._inside_of[ticket.client] = left
        else:
            del self._inside_of[ticket.client]
        return self._called(now) if self.waiting else []

    def rebound(self, bounds: Bounds, now: float) -> list[Ticket]:
        """Let *bounds* hold from now on; those that begin by it.  Nobody inside is sent away."""
        self.bounds = bounds
        return self._called(now)

    def refusal(self, client: str) -> TurnedAway:
        """What to tell one of *client* that gets no place."""
        _, each, _, _ = bounds = self.bounds
        own = bool(each) and self._inside_of.get(client, 0) >= each
        ahead = len(self._lines.get(client, ())) if own else self.waiting
        after = self._held * (1 + ahead) / (each if own else bounds.places)
        return TurnedAway(own=own, after=min(max(after, 1.0), LONGEST))

    def _fits(self, client: str) -> bool:
        places, each, _, _ = self.bounds
        return not (places and self.inside >= places) and not (each and self._inside_of.get(client, 0) >= each)

    def _begin(self, ticket: Ticket, now: float) -> None:
        ticket.inside, ticket.since = True, now
        self.inside += 1
        self._inside_of[ticket.client] = self._inside_of.get(ticket.client, 0) + 1

    def _called(self, now: float) -> list[Ticket]:
        called: list[Ticket] = []
        while (client := next(filter(self._fits, self._lines), None)) is not None:
            ticket = self._lines[client][0]
            self.give_up(ticket)
            if client in self._lines:
                self._lines[client] = self._lines.pop(client)  # to the end: it has had its turn
            self._begin(ticket, now)
            called.append(ticket)
        return called
