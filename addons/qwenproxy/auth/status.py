"""What there is to tell about a login, without a secret: for logs and the status command."""

from dataclasses import dataclass
from typing import Literal

from qwenproxy.auth.conversation import Invitation
from qwenproxy.auth.token import Token

type State = Literal["signed in", "expiring", "refreshing", "lost", "waiting for sign-in"]


@dataclass(frozen=True, slots=True)
class Status:
    """A login at one moment.  Times are in seconds since 1970."""

    kind: str
    state: State
    place: str
    """Where it is kept."""
    expires_at: float | None = None
    resource_url: str = ""
    refreshed_at: float | None = None
    """When this process last renewed it."""
    error: str = ""
    """What went wrong last, if nothing has gone right since."""
    invitation: Invitation | None = None
    saved: bool = True
    """False: the file could not be written, the login is in memory only."""


def state_of(token: Token | None, now: float, *, lead: float, refreshing: bool = False, waiting: bool = False) -> State:
    """The state of a login of which *token* is what there is."""
    if token is None:
        return "waiting for sign-in" if waiting else "lost"
    if refreshing:
        return "refreshing"
    return "signed in" if token.is_fresh(now) and now < token.renew_at(lead, 0.0) else "expiring"
