"""Signing in on a device without a browser of its own (RFC 8628, with PKCE): the steps, without clock or network.

What the server was seen to answer beyond the RFC: Qwen Code's qwenOAuth2.ts and other clients of the same server.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from qwenproxy import hostnames
from qwenproxy.auth.conversation import (
    Blocked,
    Conversation,
    Expired,
    Invitation,
    Post,
    Refused,
    Reply,
    Show,
    SignInError,
    Unreachable,
    Wait,
    ask,
    said,
    trouble,
)
from qwenproxy.wire import oauth
from qwenproxy.wire.oauth import DeviceAnswer, Server, TokenAnswer

SLOWER = 5.0  # s that `slow_down` adds to the interval for good (RFC 8628, 3.5)
LONGEST_PAUSE = 60.0  # s between polls while there are no usable answers

type Word = Literal["pending", "slower", "trouble"] | type[SignInError]

WORDS: Mapping[str, Word] = {
    "authorization_pending": "pending",
    "slow_down": "slower",
    "expired_token": Expired,
    "invalid_grant": Expired,
    "access_denied": Refused,
    "server_error": "trouble",
    "temporarily_unavailable": "trouble",
}
"""What an error code means, whatever the status: 400, 429 and 200 were all seen."""

OVER = "the code was not confirmed in time"


def sign_in(server: Server, verifier: str) -> Conversation[TokenAnswer]:
    """Ask for a code, show it, and wait until the user has confirmed it.

    *verifier*: 43 to 128 random characters of RFC 7636.  Raises SignInError.
    """
    start = yield from _begin(server, verifier)
    left, interval = start.expires_in or oauth.CODE_LIFETIME, start.interval or oauth.INTERVAL
    yield Show(_invitation(start, left))
    poll = Post(server.token_url, _poll_form(server, start.device_code, verifier))
    pause, ending = interval, SignInError(OVER)
    while pause < left:
        yield Wait(pause)
        left -= pause
        reply = yield from ask(poll)
        ending = Expired(OVER)
        match read_poll(server, poll, reply):
            case TokenAnswer() as answer:
                return answer
            case "pending":
                pause = interval
            case "slower":
                pause = interval = interval + SLOWER
            case SignInError() as ending:
                pause = max(interval, min(2 * pause, LONGEST_PAUSE), ending.retry_after or 0.0)
    yield Wait(left)
    raise ending if isinstance(ending, Blocked | Unreachable) else Expired(OVER)


def challenge(verifier: str) -> str:
    """What the server is shown of *verifier* beforehand (RFC 7636, 4.2: S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def _begin(server: Server, verifier: str) -> Conversation[DeviceAnswer]:
    form = {
        "client_id": server.client_id,
        "scope": server.scope,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    post = Post(server.device_url, form)
    reply = yield from ask(post)
    return read_start(server, post, reply)


def read_start(server: Server, post: Post, reply: Reply) -> DeviceAnswer:
    """The answer to the device request; it is one if it has a `device_code`.  Raises SignInError."""
    answer = reply.answer
    if answer is None or reply.status == 429 or reply.status >= 500 or not reply.status:
        raise trouble(server.host, post, reply)
    if answer.get("device_code"):
        try:
            return _checked(server, oauth.read(DeviceAnswer, answer))
        except ValueError as e:
            raise Unreachable(f"{server.host}'s answer to the request for a code is {e}") from None
    if WORDS.get(oauth.error_code(answer)) in ("slower", "trouble"):
        raise trouble(server.host, post, Reply(429, answer, retry_after=reply.retry_after))
    raise Refused(f"{server.host} gives no code (HTTP {reply.status}): {said(post, reply)}")


def read_poll(
    server: Server, post: Post, reply: Reply
) -> TokenAnswer | Literal["pending", "slower"] | Blocked | Unreachable:
    """What a poll came to: a token, wait on, wait longer, or trouble that may pass.  Raises Refused and Expired."""
    answer = reply.answer
    if answer is None:
        if reply.status == 401 and not reply.page:
            raise Expired(f"{server.host} does not know the code any more")
        return trouble(server.host, post, reply)
    word = _word(reply.status, oauth.error_code(answer), answer.get("status"))
    if word == "trouble":
        return trouble(server.host, post, reply)
    if word == "pending" or word == "slower":
        return word
    if isinstance(word, type):
        raise word(f"{server.host} ended the sign-in: {said(post, reply)}")
    if not answer.get("access_token"):
        return "pending"  # 200 with null in its place was seen
    try:
        return oauth.read(TokenAnswer, answer)
    except ValueError as e:
        return Unreachable(f"{server.host}'s answer is {e}")


def _word(status: int, code: str, state: object) -> Word | None:
    """What decides about an answer in JSON; None for one that may hold a token."""
    if code in WORDS:
        return WORDS[code]
    if status == 401:
        return Expired
    if status in (408, 429) or status >= 500 or 300 <= status < 400:
        return "trouble"
    if not code and state == "pending":
        return "pending"
    return Refused if code or status >= 400 else None


def _poll_form(server: Server, device_code: str, verifier: str) -> Mapping[str, str]:
    return {
        "grant_type": oauth.DEVICE_GRANT,
        "client_id": server.client_id,
        "device_code": device_code,
        "code_verifier": verifier,
    }


def _checked(server: Server, answer: DeviceAnswer) -> DeviceAnswer:
    """*answer*, if people may be sent to where it points.  Raises ValueError."""
    if not _safe(server, answer.verification_uri):
        raise ValueError("unusable: verification_uri is no https:// address")
    complete = answer.verification_uri_complete
    if complete is not None and not _safe(server, complete):
        return answer.model_copy(update={"verification_uri_complete": None})
    return answer


def _safe(server: Server, uri: str) -> bool:
    """HTTPS only; a server on this machine may send people to itself."""
    if not uri.isascii() or " " in uri:
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if parts.scheme == "http":
        return server.is_local and hostnames.is_loopback(parts.hostname or "")
    return parts.scheme == "https" and bool(parts.hostname)


def _invitation(answer: DeviceAnswer, expires_in: float) -> Invitation:
    return Invitation(answer.verification_uri, answer.verification_uri_complete, answer.user_code, expires_in)
