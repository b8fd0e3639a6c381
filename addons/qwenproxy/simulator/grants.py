"""What the simulated OAuth server decides: who is let in, for how long, and what ends a login.

Device authorization grant (RFC 8628) with PKCE (RFC 7636), refresh with rotation (RFC 9700, 4.14).  Time is passed in,
in seconds since 1970.
"""

import base64
import hashlib
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from qwenproxy.wire.openai import Json

CLIENT_ID = "f0304373b74a44d2b584a3fb70ca9e56"
SCOPES = ("openid", "profile", "email", "model.completion")
LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"  # no words come of them, and none looks like another (RFC 8628, 6.1)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
SLOWER = 5.0  # s that slow_down adds to the interval (RFC 8628, 3.5)
DEFAULT_INTERVAL = 5.0  # s, where none is named (RFC 8628, 3.2)
LENIENCE = 0.9  # of the interval: two polls do not take equally long to arrive
KEPT = 1000
"""Codes, logins and tokens that are remembered, of each."""

type Decision = Literal["authorised", "refused"]
type State = Literal["pending", "used"] | Decision
type Form = dict[str, str]


@dataclass(slots=True)
class Terms:
    """How the server behaves; may be changed while it runs.  Spans of time are in seconds."""

    token_lifetime: float = 21_600
    code_lifetime: float = 900
    interval: float | None = DEFAULT_INTERVAL
    """Between polls; None: not named, which means the default."""
    slow_down: int = 429
    """The status of slow_down: 429, or 400 as the RFC has it."""
    rotate: bool = True
    """Whether a refresh brings another refresh token, and uses the old one up."""
    authorise_after: float | None = None
    """A code is confirmed without anybody when it is so old; None: never."""
    inference: str = ""
    """The refusal that calls with a login get, however fresh: since 2026-04-15 the real ones are like that."""


class Rejected(Exception):
    """The server says no, in OAuth's form."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body: Json = {"error": error, "error_description": description}


@dataclass(slots=True)
class Code:
    """An attempt to sign in."""

    device_code: str
    user_code: str
    ticket: str
    """What the page shows to nobody but its reader: who sends it has seen the page."""
    challenge: str
    scope: str
    begun: float
    expires: float
    interval: float
    state: State = "pending"
    polled: float | None = None

    def is_expired(self, now: float) -> bool:
        return now >= self.expires and self.state != "used"

    def decide(self, state: Decision, now: float) -> bool:
        """Confirm or refuse it; whether it was still to be decided."""
        open_ = self.state == "pending" and not self.is_expired(now)
        if open_:
            self.state = state
        return open_


@dataclass(slots=True)
class Login:
    """A family of tokens: all that came of one sign-in."""

    scope: str
    refresh_token: str = ""
    alive: bool = True


class Grants:
    """All codes and logins.  `counts`: codes, polls, logins, refreshes, and reused refresh tokens."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.counts: Counter[str] = Counter()
        self._codes: dict[str, Code] = {}
        self._refresh: dict[str, Login] = {}
        self._access: dict[str, tuple[Login, float]] = {}

    def begin(self, form: Form, now: float) -> Code:
        """The answer to a device request.  Raises Rejected."""
        _check_client(form)
        if form.get("code_challenge_method") != "S256":
            raise Rejected(400, "invalid_request", "code_challenge_method must be S256")
        if not CHALLENGE.fullmatch(_required(form, "code_challenge")):
            raise Rejected(400, "invalid_request", "Invalid code_challenge")
        scope = form.get("scope") or " ".join(SCOPES)
        if not set(scope.split()) <= set(SCOPES):
            raise Rejected(400, "invalid_scope", "The requested scope is invalid or unknown")
        interval = DEFAULT_INTERVAL if self.terms.interval is None else self.terms.interval
        code = Code(
            device_code=_new("dc"),
            user_code=_user_code(),
            ticket=_new("tk"),
            challenge=form["code_challenge"],
            scope=scope,
            begun=now,
            expires=now + self.terms.code_lifetime,
            interval=interval,
        )
        _keep(self._codes, code.device_code, code)
        self.counts["codes"] += 1
        return code

    def poll(self, form: Form, now: float) -> Json:
        """A token, if the code has been confirmed.  Raises Rejected."""
        self.counts["polls"] += 1
        _check_client(form)
        code = self._codes.get(_required(form, "device_code"))
        verifier = _required(form, "code_verifier")
        if code is None or code.state == "used":
            raise Rejected(401, "invalid_grant", "Unknown device code")
        if not VERIFIER.fullmatch(verifier) or challenge(verifier) != code.challenge:
            raise Rejected(400, "invalid_grant", "Code verifier does not match")
        if code.is_expired(now):
            raise Rejected(400, "expired_token", "The device code has expired")
        self._confirm_in_time(code, now)
        self._check_confirmed(code, now)
        code.state = "used"
        self.counts["logins"] += 1
        return self._issue(Login(code.scope), now)

    def refresh(self, form: Form, now: float, *, rotate: bool = True) -> Json:
        """The next token; with *rotate*, as the terms have it, also another refresh token.  Raises Rejected."""
        token = _required(form, "refresh_token")
        login = self._refresh.get(token)
        if form.get("client_id") != CLIENT_ID or login is None or not login.alive:
            raise dead()
        if token != login.refresh_token:  # it has been used: by us, or by a thief
            login.alive = False
            self.counts["reused"] += 1
            raise dead()
        self.counts["refreshes"] += 1
        return self._issue(login, now, rotate=rotate and self.terms.rotate)

    def accepts(self, access_token: str, now: float) -> bool:
        """Whether the token is good for a call."""
        login, expires = self._access.get(access_token, (None, 0.0))
        return login is not None and login.alive and now < expires

    def code(self, user_code: str, now: float) -> Code | None:
        """The attempt that *user_code* belongs to; capitals and hyphens do not matter."""
        wanted = _plain(user_code)
        found = next((code for code in self._codes.values() if _plain(code.user_code) == wanted), None)
        if found is not None:
            self._confirm_in_time(found, now)
        return found

    def pending(self, now: float) -> list[Code]:
        """The attempts that wait to be confirmed, the oldest first."""
        return [code for code in self._codes.values() if code.state == "pending" and not code.is_expired(now)]

    def revoke(self) -> None:
        """End every login: their tokens are no good any more."""
        for login in self._refresh.values():
            login.alive = False

    def _confirm_in_time(self, code: Code, now: float) -> None:
        after = self.terms.authorise_after
        if after is not None and now - code.begun >= after:
            code.decide("authorised", now)

    def _check_confirmed(self, code: Code, now: float) -> None:
        """Raises Rejected."""
        if code.state == "refused":
            raise Rejected(400, "access_denied", "The user has denied the authorization request")
        if code.state == "pending":
            early = code.polled is not None and now - code.polled < code.interval * LENIENCE
            code.polled = now
            if early:
                code.interval += SLOWER
                raise slow_down(self.terms.slow_down)
            raise pending()

    def _issue(self, login: Login, now: float, *, rotate: bool = True) -> Json:
        access = _new("at")
        if rotate or not login.refresh_token:
            login.refresh_token = _new("rt")
            _keep(self._refresh, login.refresh_token, login)
        lifetime = self.terms.token_lifetime
        _keep(self._access, access, (login, now + lifetime))
        return {
            "status": "success",
            "access_token": access,
            "refresh_token": login.refresh_token,
            "token_type": "Bearer",
            "expires_in": number(lifetime),
            "scope": login.scope,
        }


def pending() -> Rejected:
    return Rejected(400, "authorization_pending", "The authorization request is still pending")


def slow_down(status: int) -> Rejected:
    return Rejected(status, "slow_down", "Polling too frequently")


def dead(status: int = 400) -> Rejected:
    return Rejected(status, "invalid_request", "Invalid refresh token or client_id")


def challenge(verifier: str) -> str:
    """What the device request shows of *verifier* (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def number(seconds: float) -> float | int:
    """*seconds* as JSON has them: a whole number without a fraction."""
    return int(seconds) if seconds == int(seconds) else seconds


def _required(form: Form, name: str) -> str:
    """Raises Rejected."""
    if value := form.get(name):
        return value
    raise Rejected(400, "invalid_request", f"Missing required parameter: {name}")


def _check_client(form: Form) -> None:
    """Raises Rejected."""
    if _required(form, "client_id") != CLIENT_ID:
        raise Rejected(401, "invalid_client", "Unknown client_id")


def _new(kind: str) -> str:
    return f"{kind}_{secrets.token_urlsafe(24)}"  # not from the seed: another simulator's must not fit


def _user_code() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(2))


def _plain(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter in LETTERS)


def _keep[T](table: dict[str, T], name: str, value: T) -> None:
    table[name] = value
    if len(table) > KEPT:
        del table[next(iter(table))]
