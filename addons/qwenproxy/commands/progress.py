"""How a sign-in is going, told while it goes on."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from qwenproxy.auth import device
from qwenproxy.auth.conversation import Blocked, Conversation, Post, Reply, SignInError, Unreachable, Wait
from qwenproxy.commands import durations
from qwenproxy.commands.screen import Screen
from qwenproxy.wire.oauth import Server, TokenAnswer

WAITING = "Waiting for you to confirm it"

type Hear = Callable[[str, float], None]
"""Is told what is in the way ("" if nothing is), and the seconds until the next question."""


def watched(server: Server, conversation: Conversation[TokenAnswer], hear: Hear) -> Conversation[TokenAnswer]:
    """*conversation* as it is; *hear* is told of every pause in it, and why."""
    trouble = ""
    step = next(conversation)
    while True:
        if isinstance(step, Wait):
            hear(trouble, step.seconds)
        reply = yield step
        if isinstance(step, Post) and step.url == server.token_url and reply is not None:
            trouble = trouble_of(server, step, reply)
        try:
            step = conversation.send(reply)
        except StopIteration as end:
            answer: TokenAnswer = end.value
            return answer


def trouble_of(server: Server, post: Post, reply: Reply) -> str:
    """What is in the way, by the *reply* to a poll; "" if nothing is, or all is over."""
    try:
        found = device.read_poll(server, post, reply)
    except SignInError:
        return ""
    match found:
        case "slower":
            return f"{server.host} asks for more patience"
        case Blocked() if reply.page:
            return f"The firewall of {server.host} is in the way (HTTP {reply.status})"
        case Blocked():
            return f"{server.host} limits the rate (HTTP {reply.status})"
        case Unreachable():
            return f"{server.host} answers HTTP {reply.status}" if reply.status else f"{server.host} cannot be reached"
    return ""


class Progress:
    """Shows the way to the end of a sign-in on *screen*; *clock* is in seconds."""

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._ends: float | None = None
        self._again = 0.0
        self._trouble = ""

    def begin(self, seconds: float) -> None:
        """The code is good for so long from now."""
        self._ends = self._clock() + seconds
        if not self._screen.is_live:
            self._screen.line(f"{WAITING}: {durations.span(seconds)} left.")

    def hear(self, trouble: str, pause: float) -> None:
        """What is in the way by now, and when the next question is asked."""
        if trouble and trouble != self._trouble and not self._screen.is_live:
            self._screen.line(f"{trouble}: trying again.")
        self._trouble, self._again = trouble, self._clock() + pause
        self.draw()

    def draw(self) -> None:
        """Show how things are now."""
        if self._ends is None:
            return
        now = self._clock()
        said = f"{self._trouble}: trying again in {max(0.0, self._again - now):.0f} s" if self._trouble else WAITING
        left = durations.clock(self._ends - now)
        self._screen.status(f"  {said}  ·  {left} left", "yellow" if self._trouble else "cyan")

    @asynccontextmanager
    async def drawing(self) -> AsyncIterator[None]:
        """Meanwhile it is drawn anew every second."""
        task = asyncio.create_task(self._draw_on(), name="draw the countdown")
        try:
            yield
        finally:
            task.cancel()
            self._screen.clear()

    async def _draw_on(self) -> None:
        while True:
            self.draw()
            await asyncio.sleep(1 - self._clock() % 1)
