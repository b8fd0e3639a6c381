"""A token as it is kept: its fields in the credentials file of Qwen Code, and how long it lasts.

Time is passed in, in seconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Self

import orjson

from qwenproxy.wire import oauth
from qwenproxy.wire.oauth import TokenAnswer

MARGIN = 30.0  # s before its end that a token counts as used up, as Qwen Code has it

OPTIONAL = ("resource_url", "id_token")
"""Fields of the file that are left out when there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Token:
    """A login: what is sent, and what gets the next one."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expiry_date: int
    """Milliseconds since 1970."""
    token_type: str = "Bearer"
    resource_url: str = ""
    id_token: str = field(default="", repr=False)
    lifetime: float | None = field(default=None, compare=False)
    """Seconds from its issue to its end; None if unknown: the file does not say."""

    @classmethod
    def issued(cls, answer: TokenAnswer, now: float) -> Self:
        """The token of a new login."""
        lifetime = answer.expires_in or oauth.TOKEN_LIFETIME
        return cls(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token or "",
            expiry_date=round((now + lifetime) * 1000),
            token_type=answer.token_type or "Bearer",
            resource_url=answer.resource_url or "",
            id_token=answer.id_token or "",
            lifetime=lifetime,
        )

    def renewed(self, answer: TokenAnswer, now: float) -> "Token":
        """The token that comes after this one: what *answer* leaves out stays as it was."""
        new = Token.issued(answer, now)
        return replace(
            new,
            refresh_token=new.refresh_token or self.refresh_token,
            resource_url=new.resource_url or self.resource_url,
            id_token=new.id_token or self.id_token,
        )

    @property
    def expires_at(self) -> float:
        return self.expiry_date / 1000

    def seconds_left(self, now: float) -> float:
        return self.expires_at - now

    def is_fresh(self, now: float) -> bool:
        """Whether it may be sent without a thought.  One that lasts for seconds is so for half of them."""
        margin = MARGIN if self.lifetime is None else min(MARGIN, self.lifetime / 2)
        return self.seconds_left(now) > margin

    def renew_at(self, lead: float, jitter: float) -> float:
        """When to get the next one: *lead* seconds before the end, at most half of the lifetime.

        *jitter*, from 0 to 1, moves it a little, so that those who share a login do not all come at once.
        """
        if not self.refresh_token:
            return self.expires_at
        early = lead * (1 + jitter / 10)
        if self.lifetime is not None:
            early = min(early, self.lifetime * (0.5 - jitter / 10))
        return self.expires_at - early

    def fields(self) -> dict[str, Any]:
        """Its fields in the file."""
        found = {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "token_type": self.token_type,
            "resource_url": self.resource_url,
            "expiry_date": self.expiry_date,
            "id_token": self.id_token,
        }
        return {name: value for name, value in found.items() if value or name not in OPTIONAL}

    def to_file(self, others: Mapping[str, Any]) -> bytes:
        """The file's content; *others* are fields in it that are not ours, and stay."""
        own = self.fields()
        rest = {name: value for name, value in others.items() if name not in own and name not in OPTIONAL}
        return orjson.dumps(own | rest, option=orjson.OPT_INDENT_2)


def parse(data: bytes) -> Token:
    """The token in the file's content *data*.  Raises ValueError, which says what is wrong and quotes nothing."""
    found = content(data)
    wrong = [name for name in ("access_token", "refresh_token", "token_type") if not isinstance(found.get(name), str)]
    expiry = found.get("expiry_date")
    if isinstance(expiry, bool) or not isinstance(expiry, int | float) or not isfinite(expiry):
        wrong.append("expiry_date")
    access = found.get("access_token")
    if isinstance(access, str) and not _sendable(access):
        wrong.append("access_token")
    if wrong or not isinstance(expiry, int | float):
        raise ValueError(f"missing or unusable: {', '.join(wrong)}")
    resource_url, id_token = (value if isinstance(value := found.get(name), str) else "" for name in OPTIONAL)
    return Token(
        found["access_token"], found["refresh_token"], int(expiry), found["token_type"], resource_url, id_token
    )


def content(data: bytes) -> dict[str, Any]:
    """The JSON object *data*.  Raises ValueError."""
    try:
        found = orjson.loads(data)
    except ValueError:
        raise ValueError("it is not JSON") from None  # the decoder's own error carries the document
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def _sendable(access_token: str) -> bool:
    """Whether a header can carry it."""
    return access_token != "" and access_token.isascii() and access_token.isprintable() and " " not in access_token
