"""The refresh as a conversation: what ends a login, and what does not."""

from typing import Any

import pytest

from qwenproxy.auth import renewal
from qwenproxy.auth.conversation import Blocked, Post, Refused, Reply, SignInError, Unreachable
from qwenproxy.wire.oauth import Server, TokenAnswer

TOKEN: dict[str, Any] = {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 21600}


def play(reply: Reply) -> tuple[Post, TokenAnswer]:
    conversation = renewal.renew(Server(), "rt-1-s3cret")
    post = next(conversation)
    assert isinstance(post, Post)
    with pytest.raises(StopIteration) as end:
        conversation.send(reply)
    assert isinstance(end.value.value, TokenAnswer)
    return post, end.value.value


def test_it_sends_three_fields_and_no_more() -> None:
    post, _ = play(Reply(200, TOKEN))
    assert post.url == "https://chat.qwen.ai/api/v1/oauth2/token"
    assert dict(post.form) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt-1-s3cret",
        "client_id": "f0304373b74a44d2b584a3fb70ca9e56",
    }


@pytest.mark.parametrize(
    ("answer", "refresh"),
    [(TOKEN, "rt-2"), ({"access_token": "at-2"}, None), (TOKEN | {"status": "success", "error": None}, "rt-2")],
    ids=["rotated", "not rotated", "with a status"],
)
def test_the_new_token_is_read(answer: dict[str, Any], refresh: str | None) -> None:
    _, found = play(Reply(200, answer))
    assert (found.access_token, found.refresh_token) == ("at-2", refresh)


CASES: list[tuple[str, Reply, type[SignInError]]] = [
    ("dead", Reply(400, {"error": "invalid_request", "error_description": "Invalid refresh token"}), Refused),
    ("dead by the RFC", Reply(400, {"error": "invalid_grant"}), Refused),
    ("dead as 401", Reply(401, {"error": "invalid_grant"}), Refused),
    ("400 in the API's form", Reply(400, {"code": "InvalidParameter", "message": "no"}), Refused),
    ("400 as a page", Reply(400, page=True), Blocked),
    ("401 as a page", Reply(401, page=True), Blocked),
    ("400 without JSON", Reply(400, fault="empty"), Unreachable),
    ("401 without JSON", Reply(401, fault="empty"), Unreachable),
    ("403", Reply(403, {"error": "forbidden"}), Unreachable),
    ("404", Reply(404, {"error": "not_found"}), Unreachable),
    ("429", Reply(429, {"error": "slow_down"}), Blocked),
    ("500", Reply(500, {"error": "invalid_grant"}), Unreachable),
    ("503 as a page", Reply(503, page=True), Blocked),
    ("200 as a page", Reply(200, page=True), Blocked),
    ("200 without JSON", Reply(200, fault="not JSON"), Unreachable),
    ("200 with an error", Reply(200, {"error": "invalid_grant"}), Unreachable),
    ("200 with an error beside a token", Reply(200, TOKEN | {"error": "server_error"}), Unreachable),
    ("200 without a token", Reply(200, {"status": "success"}), Unreachable),
    ("200 with a token of the wrong kind", Reply(200, {"access_token": 5}), Unreachable),
    ("a redirect", Reply(302), Blocked),
    ("no answer", Reply(0, fault="timeout"), Unreachable),
]


@pytest.mark.parametrize(("reply", "kind"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_only_400_and_401_in_json_end_the_login(reply: Reply, kind: type[SignInError]) -> None:
    with pytest.raises(SignInError) as caught:
        play(reply)
    assert type(caught.value) is kind


def test_the_refresh_token_is_not_repeated() -> None:
    with pytest.raises(Refused) as caught:
        play(Reply(400, {"error": "invalid_grant", "error_description": "rt-1-s3cret is not known"}))
    assert "s3cret" not in caught.value.message
