"""Who begins, who waits, who is turned away."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.limits.admission import LONGEST, Admission, Bounds, Ticket, TurnedAway


class Hall:
    """An admission, and its tickets by name: `a1` is the first of client `a`."""

    def __init__(self, *bounds: int) -> None:
        self.admission = Admission()
        self.admission.rebound(Bounds(*bounds), 0)
        self.tickets: dict[str, Ticket] = {}
        self.out: list[str] = []
        """Who lost its place in the queue to another."""

    def name(self, ticket: Ticket) -> str:
        return next(name for name, each in self.tickets.items() if each is ticket)

    def come(self, name: str) -> str:
        try:
            self.tickets[name], displaced = self.admission.enter(name[0], 0)
        except TurnedAway as e:
            return "own" if e.own else "full"
        if displaced is not None:
            self.out.append(self.name(displaced))
        return "in" if self.tickets[name].inside else "waits"

    def do(self, step: str) -> str:
        """A step: `a1` comes, `-a1` leaves, `~a1` does not wait any longer; what comes of it."""
        if step.startswith("-"):
            return ",".join(map(self.name, self.admission.leave(self.tickets[step[1:]], 0)))
        if step.startswith("~"):
            self.admission.give_up(self.tickets[step[1:]])
            return ""
        return self.come(step)


CASES: dict[str, tuple[tuple[int, ...], Sequence[tuple[str, str]]]] = {
    "no bounds": ((0, 0, 0), [("a1", "in"), ("a2", "in"), ("-a1", "")]),
    "places in all": ((2, 0, 0), [("a1", "in"), ("b1", "in"), ("c1", "full"), ("-a1", ""), ("c2", "in")]),
    "of one client": ((0, 1, 0), [("a1", "in"), ("a2", "own"), ("b1", "in"), ("-a1", ""), ("a3", "in")]),
    "who waits begins": ((1, 0, 2), [("a1", "in"), ("b1", "waits"), ("c1", "waits"), ("-a1", "b1"), ("-b1", "c1")]),
    "the queue is full": ((1, 0, 1), [("a1", "in"), ("b1", "waits"), ("c1", "full")]),
    "clients in turn": (
        (1, 0, 9),
        [
            ("a1", "in"),
            *((name, "waits") for name in ("a2", "a3", "a4", "b1", "c1", "b2")),
            *(("-a1", "a2"), ("-a2", "b1"), ("-b1", "c1"), ("-c1", "a3"), ("-a3", "b2"), ("-b2", "a4"), ("-a4", "")),
        ],
    ),
    "whose share is used up waits, and holds nobody up": (
        (2, 1, 9),
        [("a1", "in"), ("a2", "waits"), ("b1", "in"), ("c1", "waits"), ("-b1", "c1"), ("-a1", "a2")],
    ),
    "who gives up is forgotten": (
        (1, 0, 1),
        [("a1", "in"), ("b1", "waits"), ("~b1", ""), ("c1", "waits"), ("-a1", "c1")],
    ),
    "one leaves, and several could not before": (
        (3, 2, 9),
        [("a1", "in"), ("a2", "in"), ("a3", "waits"), ("b1", "in"), ("b2", "waits"), ("-a1", "a3"), ("-a2", "b2")],
    ),
}


@pytest.mark.parametrize(("bounds", "steps"), CASES.values(), ids=CASES.keys())
def test_who_begins_and_who_waits(bounds: tuple[int, ...], steps: Sequence[tuple[str, str]]) -> None:
    hall = Hall(*bounds)
    for step, outcome in steps:
        assert (step, hall.do(step)) == (step, outcome)


def test_a_full_queue_takes_from_the_longest_line() -> None:
    hall = Hall(1, 0, 3)
    assert [hall.do(step) for step in ("a1", "a2", "a3", "a4")] == ["in", "waits", "waits", "waits"]
    assert (hall.do("b1"), hall.out) == ("waits", ["a4"])
    assert (hall.do("b2"), hall.out) == ("full", ["a4"])  # two of a, one of b: b would only change places with a
    assert (hall.do("a5"), hall.out) == ("full", ["a4"])
    assert (hall.do("-a1"), hall.do("-a2")) == ("a2", "b1")


@pytest.mark.parametrize(
    ("bounds", "began"),
    [((2, 0, 9), ["b1"]), ((0, 0, 9), ["b1", "a2", "b2"]), ((1, 0, 9), []), ((1, 0, 0), []), ((0, 1, 9), ["b1"])],
    ids=["one more", "no bound", "the same", "no queue: who is in it stays", "another bound"],
)
def test_new_bounds_hold_for_those_who_wait(bounds: tuple[int, ...], began: list[str]) -> None:
    hall = Hall(1, 0, 9)
    for name in ("a1", "b1", "a2", "b2"):
        hall.come(name)
    assert [hall.name(ticket) for ticket in hall.admission.rebound(Bounds(*bounds), 0)] == began


@pytest.mark.parametrize(
    ("held", "waiting", "after"),
    [(10.0, 0, 10.0), (10.0, 3, 40.0), (0.01, 0, 1.0), (1000.0, 9, LONGEST)],
    ids=["as long as one is held", "once for each ahead", "not at once", "nor for ever"],
)
def test_who_is_turned_away_is_told_when_to_come_again(held: float, waiting: int, after: float) -> None:
    admission = Admission()
    admission.rebound(Bounds(1, 0, waiting), 0)
    for _ in range(100):  # until it has learned how long a place is held
        ticket, _ = admission.enter("a", 0)
        admission.leave(ticket, held)
    for client in "abcdefghij"[: waiting + 1]:
        admission.enter(client, 0)
    with pytest.raises(TurnedAway) as refusal:
        admission.enter("z", 0)
    assert refusal.value.after == pytest.approx(after, rel=0.01)


@given(
    places=st.integers(0, 3),
    each=st.integers(0, 2),
    queue=st.integers(0, 4),
    steps=st.lists(st.tuples(st.sampled_from("abc+~"), st.integers(0, 9)), max_size=60),
)
def test_whatever_happens_the_bounds_hold(places: int, each: int, queue: int, steps: Sequence[tuple[str, int]]) -> None:
    admission = Admission()
    admission.rebound(Bounds(places, each, queue), 0)
    alive: list[Ticket] = []
    for what, number in steps:
        inside, waiting = ([t for t in alive if t.inside is state] for state in (True, False))
        if what == "+" and inside:
            alive.remove(gone := inside[number % len(inside)])
            began = admission.leave(gone, 0)
            assert all(ticket in alive and ticket.inside for ticket in began)
        elif what == "~" and waiting:
            alive.remove(gone := waiting[number % len(waiting)])
            admission.give_up(gone)
        elif what in "abc":
            try:
                ticket, displaced = admission.enter(what, 0)
            except TurnedAway:
                continue
            alive.append(ticket)
            if displaced is not None:
                alive.remove(displaced)
        inside, waiting = ([t for t in alive if t.inside is state] for state in (True, False))
        assert (admission.inside, admission.waiting) == (len(inside), len(waiting))
        assert not places or len(inside) <= places
        assert len(waiting) <= queue
        for client in "abc":
            of = len([t for t in inside if t.client == client])
            assert not each or of <= each
            if any(t.client == client for t in waiting):  # nobody waits for a place that is free
                assert (places and len(inside) >= places) or (each and of >= each)
