"""The pieces of a conversation, and what is said when nothing can be made of a reply."""

import pytest

from qwenproxy.auth.conversation import (
    Blocked,
    Conversation,
    Invitation,
    Post,
    Reply,
    SignInError,
    Unreachable,
    ask,
    said,
    trouble,
)

POST = Post("https://chat.qwen.ai/x", {"grant_type": "refresh_token", "refresh_token": "rt-s3cret"})


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (Reply(200, page=True), Blocked, "web page instead of JSON (HTTP 200)"),
        (Reply(503, page=True), Blocked, "web page instead of JSON (HTTP 503)"),
        (Reply(302), Blocked, "HTTP 302"),
        (Reply(429, {"error": "too_many"}), Blocked, "too_many"),
        (Reply(429, fault="its answer is empty"), Blocked, "its answer is empty"),
        (Reply(500, {"message": "oops"}), Unreachable, "HTTP 500: oops"),
        (Reply(200, fault="its answer is not JSON"), Unreachable, "HTTP 200: its answer is not JSON"),
        (Reply(0, fault="connection refused"), Unreachable, "could not be reached: connection refused"),
    ],
)
def test_trouble_says_whose_and_which(reply: Reply, kind: type[SignInError], text: str) -> None:
    found = trouble("chat.qwen.ai", POST, reply)
    assert type(found) is kind
    assert found.message.startswith("chat.qwen.ai ")
    assert text in found.message
    assert str(found) == found.message


def test_trouble_knows_how_long_to_keep_away() -> None:
    assert trouble("h", POST, Reply(429, {}, retry_after=7.0)).retry_after == 7.0


def test_a_secret_that_the_server_repeats_is_not_repeated() -> None:
    reply = Reply(400, {"error": "x", "error_description": "rt-s3cret is unknown"})
    assert said(POST, reply) == "… is unknown"


def test_no_secret_is_shown() -> None:
    assert "s3cret" not in f"{POST!r} {Reply(200, {'access_token': 's3cret'})!r}"


def test_an_invitation_leads_to_the_link_with_the_code_in_it() -> None:
    plain, complete = "https://chat.qwen.ai/authorize", "https://chat.qwen.ai/authorize?user_code=A"
    assert Invitation(plain, complete, "A", 900).link == complete
    assert Invitation(plain, None, "A", 900).link == plain


def test_a_post_without_a_reply_is_a_mistake_of_the_driver() -> None:
    def conversation() -> Conversation[Reply]:
        return (yield from ask(POST))

    begun = conversation()
    assert next(begun) is POST
    with pytest.raises(TypeError, match="answered with a Reply"):
        begun.send(None)
