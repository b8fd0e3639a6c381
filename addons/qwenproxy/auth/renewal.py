"""Getting the next token for a refresh token (RFC 6749, 6): the conversation, without clock or network."""

from qwenproxy.auth.conversation import Conversation, Post, Refused, Reply, Unreachable, ask, said, trouble
from qwenproxy.wire import oauth
from qwenproxy.wire.oauth import Server, TokenAnswer

OVER = (400, 401)
"""With these, and JSON, the server says that the refresh token is dead (Qwen Code: CredentialsClearRequiredError)."""


def renew(server: Server, refresh_token: str) -> Conversation[TokenAnswer]:
    """Ask for the next token.

    Raises Refused if the login is over, and only then: Blocked and Unreachable leave it as it is.
    """
    form = {
        "grant_type": oauth.REFRESH_GRANT,
        "refresh_token": refresh_token,
        "client_id": server.client_id,
    }
    post = Post(server.token_url, form)
    reply = yield from ask(post)
    return read_renewal(server, post, reply)


def read_renewal(server: Server, post: Post, reply: Reply) -> TokenAnswer:
    """The token in *reply*.  Raises SignInError."""
    answer = reply.answer
    if answer is None:
        raise trouble(server.host, post, reply)
    if reply.status in OVER:
        raise Refused(f"{server.host} does not renew the login any more: {said(post, reply)}")
    if not 200 <= reply.status < 300 or oauth.error_code(answer):
        raise trouble(server.host, post, reply)
    try:
        return oauth.read(TokenAnswer, answer)
    except ValueError as e:
        raise Unreachable(f"{server.host}'s answer is {e}") from None
