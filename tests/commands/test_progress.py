"""How a sign-in is told while it goes on; time is told too."""

import asyncio
import io
from typing import Any

import pytest

from qwenproxy.auth import device
from qwenproxy.auth.conversation import Conversation, Post, Refused, Reply, Show, Wait
from qwenproxy.commands.progress import Progress, trouble_of, watched
from qwenproxy.commands.screen import CLEAR, Screen
from qwenproxy.wire.oauth import Server, TokenAnswer
from tests.support.clock import Clock

SERVER = Server()
POLL = Post(SERVER.token_url, {"device_code": "dc_secret"})
STARTED = Reply(
    200,
    {
        "device_code": "dc_secret",
        "user_code": "KXWT-29PL",
        "verification_uri": "https://chat.qwen.ai/authorize",
        "expires_in": 900,
        "interval": 5,
    },
)
PENDING = Reply(400, {"error": "authorization_pending"})
TOKEN = Reply(200, {"access_token": "at_secret", "refresh_token": "rt_secret"})


class Out(io.StringIO):
    """A terminal, or none."""

    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


def screen(out: Out) -> Screen:
    return Screen(out, {"TERM": "xterm", "NO_COLOR": "1"})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (PENDING, ""),
        (Reply(200, {"status": "pending"}), ""),
        (TOKEN, ""),
        (Reply(400, {"error": "access_denied"}), ""),
        (Reply(401, {"error": "invalid_grant"}), ""),
        (Reply(429, {"error": "slow_down"}), "chat.qwen.ai asks for more patience"),
        (Reply(400, {"error": "slow_down"}), "chat.qwen.ai asks for more patience"),
        (Reply(200, page=True), "The firewall of chat.qwen.ai is in the way (HTTP 200)"),
        (Reply(405, page=True), "The firewall of chat.qwen.ai is in the way (HTTP 405)"),
        (Reply(429, fault="its answer is not JSON"), "chat.qwen.ai limits the rate (HTTP 429)"),
        (Reply(500, {"error": "server_error"}), "chat.qwen.ai answers HTTP 500"),
        (Reply(0, fault="no route"), "chat.qwen.ai cannot be reached"),
    ],
    ids=str,
)
def test_a_poll_tells_what_is_in_the_way(reply: Reply, said: str) -> None:
    assert trouble_of(SERVER, POLL, reply) == said


def steps(conversation: Conversation[TokenAnswer], *replies: Reply) -> tuple[list[Any], TokenAnswer | None]:
    """The steps of a conversation whose posts are answered with *replies*, and its end."""
    taken: list[Any] = []
    left = list(replies)
    try:
        step = next(conversation)
        while True:
            taken.append(step)
            step = conversation.send(left.pop(0) if isinstance(step, Post) else None)
    except StopIteration as end:
        answer: TokenAnswer = end.value
        return taken, answer


def test_a_watched_conversation_is_the_same_as_before() -> None:
    replies = (STARTED, PENDING, Reply(403, page=True), Reply(429, {"error": "slow_down"}), TOKEN)
    verifier = "v" * 43
    alone = steps(device.sign_in(SERVER, verifier), *replies)
    heard: list[tuple[str, float]] = []
    watching = watched(SERVER, device.sign_in(SERVER, verifier), lambda trouble, pause: heard.append((trouble, pause)))
    assert steps(watching, *replies) == alone
    assert [type(step) for step in alone[0]][:3] == [Post, Show, Wait]
    assert heard == [
        ("", 5.0),
        ("", 5.0),
        ("The firewall of chat.qwen.ai is in the way (HTTP 403)", 10.0),
        ("chat.qwen.ai asks for more patience", 10.0),
    ]


def test_how_it_fails_is_left_to_it() -> None:
    watching = watched(SERVER, device.sign_in(SERVER, "v" * 43), lambda *_: None)
    with pytest.raises(Refused):
        steps(watching, STARTED, Reply(400, {"error": "access_denied"}))


def test_a_terminal_shows_a_countdown() -> None:
    out, clock = Out(tty=True), Clock(100.0)
    progress = Progress(screen(out), clock.now)
    progress.hear("", 5)
    assert out.getvalue() == "", "nothing has begun"
    progress.begin(900)
    progress.draw()
    clock.at += 61
    progress.hear("The firewall is in the way", 8)
    clock.at += 3
    progress.draw()
    assert out.getvalue().split(CLEAR)[1:] == [
        "  Waiting for you to confirm it  ·  15:00 left",
        "  The firewall is in the way: trying again in 8 s  ·  13:59 left",
        "  The firewall is in the way: trying again in 5 s  ·  13:56 left",
    ]


def test_elsewhere_news_are_lines_and_said_once() -> None:
    out, clock = Out(tty=False), Clock(100.0)
    progress = Progress(screen(out), clock.now)
    progress.begin(900)
    for trouble in ("", "It rains", "It rains", "", "It snows"):
        progress.hear(trouble, 5)
        progress.draw()
    assert out.getvalue().splitlines() == [
        "Waiting for you to confirm it: 15 min left.",
        "It rains: trying again.",
        "It snows: trying again.",
    ]


async def test_it_is_drawn_anew_by_itself_and_leaves_nothing_behind() -> None:
    out, clock = Out(tty=True), Clock(0.99)
    progress = Progress(screen(out), clock.now)
    progress.begin(900)
    async with progress.drawing():
        await asyncio.sleep(0.05)
    assert out.getvalue().count("15:00 left") >= 2
    assert out.getvalue().endswith(CLEAR)
