"""The device flow as a conversation: replies in, steps out; no clock, no network."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from qwenproxy.auth import device
from qwenproxy.auth.conversation import (
    Blocked,
    Expired,
    Invitation,
    Post,
    Refused,
    Reply,
    Show,
    SignInError,
    Unreachable,
    Wait,
)
from qwenproxy.wire.oauth import DEVICE_GRANT, Server, TokenAnswer

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""The example of RFC 7636, appendix B."""
LINK = "https://chat.qwen.ai/authorize"
START = {
    "device_code": "dc-1",
    "user_code": "KX-29",
    "verification_uri": LINK,
    "verification_uri_complete": f"{LINK}?user_code=KX-29",
    "expires_in": 900,
    "interval": 5,
}
TOKEN = {"access_token": "at-1", "refresh_token": "rt-1", "token_type": "Bearer", "expires_in": 21600}
PENDING = Reply(400, {"error": "authorization_pending"})
SLOW = Reply(429, {"error": "slow_down"})
DONE = Reply(200, TOKEN)


@dataclass
class Played:
    """A conversation to its end."""

    posts: list[Post] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    shown: list[Invitation] = field(default_factory=list)
    token: TokenAnswer | None = None
    error: SignInError | None = None


def play(polls: Iterable[Reply], start: Reply | None = None, server: Server | None = None) -> Played:
    """A sign-in in which the device request is answered with *start*, each poll with the next of *polls*."""
    found = Played()
    replies = iter([Reply(200, START) if start is None else start, *polls])
    conversation = device.sign_in(server or Server(), VERIFIER)
    reply: Reply | None = None
    try:
        while True:
            match conversation.send(reply):
                case Post() as post:
                    found.posts.append(post)
                    reply = next(replies)
                case Wait(seconds):
                    found.waits.append(seconds)
                    reply = None
                case Show(invitation):
                    found.shown.append(invitation)
                    reply = None
    except StopIteration as end:
        found.token = end.value
    except SignInError as e:
        found.error = e
    assert next(replies, None) is None, "there were more replies than questions"
    return found


def test_it_asks_with_pkce_shows_the_link_and_polls_with_the_verifier() -> None:
    played = play([PENDING, DONE])
    ask, *polls = played.posts
    assert ask.url == "https://chat.qwen.ai/api/v1/oauth2/device/code"
    assert dict(ask.form) == {
        "client_id": "f0304373b74a44d2b584a3fb70ca9e56",
        "scope": "openid profile email model.completion",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    assert ask.headers["accept"] == "application/json"
    assert {poll.url for poll in polls} == {"https://chat.qwen.ai/api/v1/oauth2/token"}
    assert dict(polls[0].form) == {
        "grant_type": DEVICE_GRANT,
        "client_id": "f0304373b74a44d2b584a3fb70ca9e56",
        "device_code": "dc-1",
        "code_verifier": VERIFIER,
    }
    assert played.shown == [Invitation(LINK, f"{LINK}?user_code=KX-29", "KX-29", 900.0)]
    assert played.token is not None
    assert played.token.access_token == "at-1"


WAITS: list[tuple[str, list[Reply], list[float]]] = [
    ("pending twice", [PENDING, PENDING, DONE], [5, 5, 5]),
    ("slow_down lasts", [PENDING, SLOW, PENDING, DONE], [5, 5, 10, 10]),
    ("slow_down adds up", [SLOW, SLOW, DONE], [5, 10, 15]),
    ("slow_down as 400", [Reply(400, {"error": "slow_down"}), DONE], [5, 10]),
    ("pending as a status", [Reply(200, {"status": "pending"}), DONE], [5, 5]),
    ("pending as a status of 400", [Reply(400, {"status": "pending"}), DONE], [5, 5]),
    ("pending as null", [Reply(200, {"access_token": None}), DONE], [5, 5]),
    ("pending as nothing", [Reply(200, {"access_token": ""}), DONE], [5, 5]),
    ("pending as 428", [Reply(428, {"error": "authorization_pending"}), DONE], [5, 5]),
    ("pending nested", [Reply(400, {"error": {"code": "authorization_pending"}}), DONE], [5, 5]),
    ("a page", [Reply(200, page=True), DONE], [5, 10]),
    ("pages, longer and longer", [Reply(403, page=True)] * 5 + [DONE], [5, 10, 20, 40, 60, 60]),
    ("a page with 401 is no denial", [Reply(401, page=True), DONE], [5, 10]),
    ("a page with 405", [Reply(405, page=True), DONE], [5, 10]),
    ("a page with 503, then as before", [Reply(503, page=True), PENDING, DONE], [5, 10, 5]),
    ("no answer", [Reply(0, fault="refused"), DONE], [5, 10]),
    ("another 429", [Reply(429, {"error": "too_many_requests"}), DONE], [5, 10]),
    ("another 429 that says when", [Reply(429, {}, retry_after=90.0), DONE], [5, 90]),
    ("429 without JSON", [Reply(429, fault="empty"), DONE], [5, 10]),
    ("500", [Reply(500, {"error": "server_error"}), DONE], [5, 10]),
    ("400 that passes", [Reply(400, {"error": "temporarily_unavailable"}), DONE], [5, 10]),
    ("a redirect", [Reply(302, {}), DONE], [5, 10]),
    ("200 that is not JSON", [Reply(200, fault="not JSON"), DONE], [5, 10]),
    ("a token that cannot be sent", [Reply(200, {"access_token": "a b"}), DONE], [5, 10]),
    ("trouble after slow_down", [SLOW, Reply(0), PENDING, DONE], [5, 10, 20, 10]),
]


@pytest.mark.parametrize(("polls", "waits"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_it_waits_on(polls: list[Reply], waits: list[float]) -> None:
    played = play(polls)
    assert played.waits == waits
    assert played.token is not None


ENDS: list[tuple[str, Reply, type[SignInError], str]] = [
    ("expired", Reply(400, {"error": "expired_token"}), Expired, "expired_token"),
    ("denied", Reply(400, {"error": "access_denied", "error_description": "user said no"}), Refused, "user said no"),
    ("denied as 403", Reply(403, {"error": "access_denied"}), Refused, "access_denied"),
    ("401", Reply(401, {"error": "invalid_client"}), Expired, "invalid_client"),
    ("401 without JSON", Reply(401, fault="empty"), Expired, "does not know the code"),
    ("the code is unknown", Reply(400, {"error": "invalid_grant"}), Expired, "invalid_grant"),
    ("400 of another kind", Reply(400, {"error": "invalid_request"}), Refused, "invalid_request"),
    ("200 with an error", Reply(200, {"error": "unauthorized_client"}), Refused, "unauthorized_client"),
    ("an error beats a token", Reply(200, TOKEN | {"error": "access_denied"}), Refused, "access_denied"),
    ("404", Reply(404, {"message": "no such path"}), Refused, "no such path"),
]


@pytest.mark.parametrize(("reply", "kind", "text"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_it_ends(reply: Reply, kind: type[SignInError], text: str) -> None:
    error = play([PENDING, reply]).error
    assert type(error) is kind
    assert text in error.message
    assert "chat.qwen.ai" in error.message
    assert "dc-1" not in error.message


STARTS: list[tuple[str, Reply, type[SignInError]]] = [
    ("an error in 200", Reply(200, {"error": "invalid_client", "error_description": "who are you"}), Refused),
    ("400", Reply(400, {"error": "invalid_scope"}), Refused),
    ("401", Reply(401, {"error": "invalid_client"}), Refused),
    ("too fast", Reply(429, {"error": "slow_down"}), Blocked),
    ("too fast as 400", Reply(400, {"error": "slow_down"}), Blocked),
    ("429 without JSON", Reply(429, fault="empty"), Blocked),
    ("a page", Reply(200, page=True), Blocked),
    ("a page with 403", Reply(403, page=True), Blocked),
    ("500", Reply(500, {"error": "oops"}), Unreachable),
    ("no answer", Reply(0, fault="refused"), Unreachable),
    ("not JSON", Reply(200, fault="not JSON"), Unreachable),
    ("no code for the user", Reply(200, START | {"user_code": ""}), Unreachable),
]


@pytest.mark.parametrize(("start", "kind"), [row[1:] for row in STARTS], ids=[row[0] for row in STARTS])
def test_without_a_code_it_does_not_begin(start: Reply, kind: type[SignInError]) -> None:
    played = play([], start)
    assert type(played.error) is kind
    assert (played.shown, played.waits) == ([], [])


@pytest.mark.parametrize(
    "uri",
    [
        "http://chat.qwen.ai/authorize",
        "http://127.0.0.1/authorize",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "chat.qwen.ai/authorize",
        "https://",
        "https://[::1/",
        "https://chat.qwen.ai/ authorize",
        "https://chat.qwen.aı/",
    ],
)
def test_people_are_sent_to_https_only(uri: str) -> None:
    played = play([], Reply(200, START | {"verification_uri": uri}))
    assert type(played.error) is Unreachable
    assert "verification_uri" in played.error.message
    assert played.shown == []


def test_a_link_with_the_code_that_is_not_https_is_left_out() -> None:
    start = Reply(200, START | {"verification_uri_complete": "http://evil.example/"})
    assert play([DONE], start).shown == [Invitation(LINK, None, "KX-29", 900.0)]


def test_a_simulator_on_this_machine_may_send_people_to_itself_only() -> None:
    local = Server("http://localhost:8090")
    own, foreign = "http://localhost:8090/authorize", "http://chat.qwen.ai/authorize"
    start = START | {"verification_uri": own, "verification_uri_complete": foreign}
    assert play([DONE], Reply(200, start), local).shown == [Invitation(own, None, "KX-29", 900.0)]
    assert play([], Reply(200, START | {"verification_uri": foreign}), local).error is not None


def test_the_link_is_shown_as_it_is() -> None:
    odd = f"{LINK}?user_code={quote('KX 29')}&client=qwen-code#/a?b=c"
    [shown] = play([DONE], Reply(200, START | {"verification_uri_complete": odd})).shown
    assert shown.link == odd


@pytest.mark.parametrize(
    ("named", "interval"), [(None, 5.0), (0, 5.0), (-3, 5.0), ("x", 5.0), (1, 1.0), (0.2, 0.2), (7, 7.0)]
)
def test_the_interval_is_the_servers_or_five_seconds(named: Any, interval: float) -> None:
    assert play([DONE], Reply(200, START | {"interval": named})).waits == [interval]


def test_a_code_that_nobody_confirms_runs_out() -> None:
    played = play([PENDING] * 5, Reply(200, START | {"expires_in": 30}))
    assert sum(played.waits) == 30
    assert type(played.error) is Expired


def test_if_the_last_that_was_heard_was_trouble_the_trouble_is_told() -> None:
    played = play([PENDING, Reply(503, page=True)], Reply(200, START | {"expires_in": 16}))
    assert sum(played.waits) == 16
    assert type(played.error) is Blocked


def test_it_does_not_wait_longer_than_the_code_lasts() -> None:
    played = play([Reply(429, {}, retry_after=3600.0)], Reply(200, START | {"expires_in": 60}))
    assert sum(played.waits) == 60
    assert type(played.error) is Blocked


def test_no_lifetime_means_a_quarter_of_an_hour() -> None:
    start = {name: value for name, value in START.items() if name != "expires_in"}
    [shown] = play([DONE], Reply(200, start)).shown
    assert shown.expires_in == 900
