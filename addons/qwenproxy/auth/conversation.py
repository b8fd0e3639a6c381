"""What a conversation with the OAuth server is made of: steps that are asked for, replies, and ways to fail.

A conversation is a generator.  It yields a `Post` and is sent the `Reply`; it yields a `Wait` or a `Show` and is sent
None.  So it knows neither clock nor network, and `client.py` is the only one that carries it out.

    SignInError
      Refused       the server, or the user in the browser, said no; for a refresh: the login is over
      Expired       the code was not confirmed in time: start again
      Blocked       a firewall or a rate limit is in the way: later, or from another network
      Unreachable   no answer, or none that can be used: later
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Final

from qwenproxy.wire import oauth
from qwenproxy.wire.oauth import Json

SECRETS: Final = ("refresh_token", "device_code", "code_verifier")
"""Fields of a form that no message may quote, should the server repeat them."""

SHORTEST_SECRET = 6  # characters; anything shorter is none, and would only spoil the text


class SignInError(Exception):
    """A conversation with the OAuth server that ended badly; the message is for people and holds no secret.

    `retry_after`: the seconds that the server wants to be left alone, if it said.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class Refused(SignInError):
    pass


class Expired(SignInError):
    pass


class Blocked(SignInError):
    pass


class Unreachable(SignInError):
    pass


@dataclass(frozen=True, slots=True)
class Post:
    """Send a form."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: {"accept": "application/json"})


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the user has to open, and to confirm there."""

    verification_uri: str
    verification_uri_complete: str | None
    """The same with the code in it: nothing to type."""
    user_code: str
    expires_in: float

    @property
    def link(self) -> str:
        return self.verification_uri_complete or self.verification_uri


@dataclass(frozen=True, slots=True)
class Show:
    """Tell the user."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for a `Post`.

    `status` is 0 if nothing did.  `answer` is None unless a JSON object came; then `page` tells whether it was a web
    page, and `fault` what is wrong otherwise.
    """

    status: int
    answer: Json | None = field(default=None, repr=False)
    page: bool = False
    fault: str = ""
    retry_after: float | None = None


type Step = Post | Wait | Show
type Conversation[T] = Generator[Step, Reply | None, T]


def ask(post: Post) -> Conversation[Reply]:
    """One question of a conversation."""
    reply = yield post
    if reply is None:
        raise TypeError("a Post is answered with a Reply")
    return reply


def trouble(host: str, post: Post, reply: Reply) -> Blocked | Unreachable:
    """The error for a *reply* that decides nothing: it says neither yes nor no."""
    after = reply.retry_after
    if reply.page or 300 <= reply.status < 400:
        what = f"{host} answered with a web page instead of JSON (HTTP {reply.status}): its firewall is in the way"
        return Blocked(f"{what}; try again later, or from another network", after)
    if reply.status == 429:
        return Blocked(f"{host} limits the rate of sign-ins (HTTP 429): {said(post, reply)}", after)
    if reply.status == 0:
        return Unreachable(f"{host} could not be reached: {reply.fault}")
    return Unreachable(f"{host} answered HTTP {reply.status}: {said(post, reply)}", after)


def said(post: Post, reply: Reply) -> str:
    """What *reply* says, for people: one line, without what *post* kept secret."""
    text = oauth.error_text(reply.answer) if reply.answer is not None else reply.fault
    for name in SECRETS:
        secret = post.form.get(name, "")
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return text
