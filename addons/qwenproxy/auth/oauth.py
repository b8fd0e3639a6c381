"""The login at chat.qwen.ai as a credential: a fresh token at any time, and a way back when it is lost."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

from qwenproxy import errors
from qwenproxy.auth import resource
from qwenproxy.auth.backoff import Jitter
from qwenproxy.auth.base import LoginStore
from qwenproxy.auth.client import Client, Sleep
from qwenproxy.auth.conversation import Blocked, Refused, SignInError
from qwenproxy.auth.holding import Holding
from qwenproxy.auth.login import Login
from qwenproxy.auth.status import Status, state_of
from qwenproxy.auth.token import Token
from qwenproxy.errors import ProxyError
from qwenproxy.wire.oauth import TokenAnswer

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # s between looks at the file, as Qwen Code has it
RETRY_AFTER = 2.0  # s after a failed refresh until a request may try the next one
FORCED_PAUSE = 30.0  # s in which a token that was just forced is not replaced again
PATIENCE = 10.0  # s that a request waits for the link of a sign-in that has just begun
CLOSING = 35.0  # s for a refresh under way to end: what it was given would be lost
KEYS = (
    "an API key of DashScope or Qwen Cloud (DASHSCOPE_API_KEY), of the Coding Plan (BAILIAN_CODING_PLAN_API_KEY) or of "
    "the Token Plan (BAILIAN_TOKEN_PLAN_API_KEY); QWENPROXY_API_KEY takes any of them."
)


class OAuth:
    """One login, in memory and in *store*, renewed over *client*.

    *allowed_hosts*: patterns of hosts beyond Qwen's own that may get the token.  *refresh_lead*: seconds before the end
    from which on the status says `expiring`.
    """

    name = "oauth"

    def __init__(
        self,
        store: LoginStore,
        client: Client,
        *,
        allowed_hosts: Sequence[str] = (),
        refresh_lead: float = 300.0,
        now: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        jitter: Jitter = random.random,
    ) -> None:
        self._holding = Holding(store, client, now=now)
        self._login = Login(client, self._signed_in, sleep=sleep, jitter=jitter)
        self._host = client.server.host
        self._issuer = client.server.hostname
        self._place = store.place
        self._allowed_hosts = allowed_hosts
        self._lead = refresh_lead
        self._now = now
        self._flight: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._failure: SignInError | None = None
        self._failed_at = self._forced_at = 0.0
        self._rest = 0.0
        self._useless = ""
        self._resource: str | None = None
        self._base_url = resource.PORTAL
        self.on_refresh: Callable[[str], object] = lambda outcome: None
        """Is told how each renewal ended: `renewed`, `taken` (by another process), `failed`, `refused`."""

    @property
    def base_url(self) -> str:
        """The API that the login is for."""
        token = self._holding.token
        wanted = token.resource_url if token is not None else ""
        if wanted != self._resource:
            self._resource = wanted
            try:
                self._base_url = resource.base_url(wanted, self._allowed_hosts, self._issuer)
            except ValueError as e:
                self._base_url = resource.PORTAL
                log.warning("The login names an API that must not get its token (%s): %s is used", e, self._base_url)
        return self._base_url

    @property
    def current(self) -> Token | None:
        """The token that there is, fresh or not; None if there is no login."""
        return self._holding.token

    @property
    def unsaved(self) -> bool:
        """Whether the login could not be written to its file yet."""
        return self._holding.unsaved

    @property
    def away(self) -> str:
        """Why it is not known whether anybody is signed in: what machines share does not answer; "" if it does."""
        return self._holding.away

    @property
    def failure(self) -> SignInError | None:
        """Why the last refresh failed; None if it did not."""
        return self._failure

    async def token(self) -> str:
        """The access token, at once while it is fresh.

        Raises ProxyError, which tells the user how to sign in when the login is lost.
        """
        token = self._holding.token
        if token is None or not token.is_fresh(self._now()):
            token = await self._wait_for_token(token)
        else:
            self._look_soon()
        if token.access_token == self._useless:
            self._check_useless()
        return token.access_token

    async def renew(self, refused: str | None) -> bool:
        """The upstream has refused *refused*: take another's token or force one refresh, and no more than one.

        True means that `token()` has something new to say, which may be an error.
        """
        if refused is None:
            return False
        await self.look()
        token = self._holding.token
        if token is None or token.access_token != refused:
            return True
        if not self._left(self._forced_at, FORCED_PAUSE):
            if not self._left(self._failed_at, self._rest):
                await self.refresh(refused)
            token = self._holding.token
            if token is not None and token.access_token != refused:
                self._forced_at = self._now()
            return token is None or token.access_token != refused
        if self._useless != refused:
            log.warning("%s", self._dead_end())
        self._useless = refused
        return True

    async def look(self) -> None:
        """Take up what other programs have done to the file."""
        self._looked_at = self._now()
        before = self._holding.token
        await self._holding.look()
        if self._holding.token is not before:
            self._settle()

    async def refresh(self, old: str) -> None:
        """Replace the access token *old*, once for all who ask at the same time.  `failure` tells how it went."""
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._refresh(old), name="refresh the login to Qwen")
        await asyncio.shield(self._flight)  # who asked may leave; the answer must be kept

    async def save(self) -> None:
        """Try again to write a login that is in memory only."""
        try:
            await self._holding.save()
        except SignInError as e:
            log.warning("The login is still in memory only: %s", e.message)

    def sign_in(self) -> None:
        """Start a sign-in in the background, if none is under way; its link is in the log and in `status()`."""
        self._login.start()

    def status(self) -> Status:
        """How things are."""
        token = self._holding.token
        sign_in = "" if self._login.error is None else self._login.error.message
        refreshing = self._flight is not None and not self._flight.done()
        waiting = self._login.invitation is not None
        return Status(
            kind=self.name,
            state=state_of(token, self._now(), lead=self._lead, refreshing=refreshing, waiting=waiting),
            place=self._place,
            expires_at=None if token is None else token.expires_at,
            resource_url="" if token is None else token.resource_url,
            refreshed_at=self._holding.refreshed_at,
            error="; ".join(filter(None, (self._why, sign_in))),
            invitation=self._login.invitation,
            saved=not self.unsaved,
        )

    @property
    def _why(self) -> str:
        """What is wrong with the login; "" if nothing is known to be."""
        return self._holding.lost or ("" if self._failure is None else self._failure.message)

    async def close(self) -> None:
        """End the sign-in; let a refresh under way come to its end, and what it brought into the file."""
        await self._login.close()
        if self._flight is not None and not self._flight.done():
            await asyncio.wait({self._flight}, timeout=CLOSING)
        if self.unsaved:
            await self.save()

    async def _wait_for_token(self, token: Token | None) -> Token:
        if not self._left(self._failed_at, self._rest):
            await self.refresh(token.access_token if token is not None else "")
        token = self._holding.token
        if token is None and self.away:
            message = f"Whether the proxy is signed in to Qwen cannot be told now (setting state): {self.away}."
            raise ProxyError(errors.STATE_UNAVAILABLE, message, retry_after=RETRY_AFTER)
        if token is None:
            raise await self._lost()
        if token.seconds_left(self._now()) <= 0:
            raise self._not_renewed()
        return token

    async def _refresh(self, old: str) -> None:
        self._looked_at = self._now()
        before = self._holding.refreshed_at
        try:
            await self._holding.refresh(old)
        except SignInError as e:
            self.on_refresh("refused" if isinstance(e, Refused) else "failed")
            if self._failure is None or self._failure.message != e.message:
                log.warning("The login to Qwen was not renewed: %s", e.message)
            self._failure = e
            if not isinstance(e, Refused):
                self._failed_at, self._rest = self._now(), max(RETRY_AFTER, e.retry_after or 0.0)
        else:
            self.on_refresh("taken" if self._holding.refreshed_at == before else "renewed")
            self._settle()

    def _settle(self) -> None:
        """Another token is there: what was wrong before is over."""
        if self._holding.token is not None:
            self._failure, self._rest = None, 0.0
            self._login.stop()

    async def _signed_in(self, answer: TokenAnswer) -> None:
        await self._holding.take(answer)
        self._failure, self._rest = None, 0.0

    def _left(self, since: float, span: float) -> float:
        """Seconds until *span* is over; 0 when it is, or when the clock was put back."""
        gone = self._now() - since
        return span - gone if 0 <= gone < span else 0.0

    def _look_soon(self) -> None:
        """Look at the file in the background, every few seconds at most."""
        if abs(self._now() - self._looked_at) >= LOOK_EVERY:
            self._looked_at = self._now()
            self._looking = asyncio.create_task(self.look(), name="look at the login to Qwen")

    def _check_useless(self) -> None:
        """Raise for a token that the upstream has refused just after it was renewed; later, try it again."""
        if self._left(self._forced_at, FORCED_PAUSE):
            raise ProxyError(errors.UPSTREAM_KEY, self._dead_end())
        self._useless = ""

    def _dead_end(self) -> str:
        return (
            f"{self.base_url} refuses a login that {self._host} has just renewed.  The free tier behind this login "
            "ended on 2026-04-15: signing in and renewing go on working, but there are no answers any more.  "
            f"What works: {KEYS}"
        )

    async def _lost(self) -> ProxyError:
        """The error that tells the user how to sign in, as soon as there is a link."""
        self._login.want()
        await self._login.news(PATIENCE)
        why = f" ({self._why})" if self._why else ""
        message = f"The proxy is not signed in to Qwen{why}.  "
        invitation = self._login.invitation
        if invitation is not None:
            message += (
                f"Open {invitation.link} and confirm the code {invitation.user_code}, or run `qwenproxy login`: the "
                "proxy then goes on by itself."
            )
        else:
            error = self._login.error
            reason = error.message if error is not None else f"{self._host} has not answered yet"
            message += f"It tries to begin a sign-in: {reason}."
        return ProxyError(errors.UPSTREAM_KEY, f"{message}  What works without it: {KEYS}")

    def _not_renewed(self) -> ProxyError:
        """The error for a login that has run out, and may be renewed later."""
        failure = self._failure
        reason = failure.message if failure is not None else "it was renewed too late"
        row = errors.UPSTREAM_BLOCKED if isinstance(failure, Blocked) else errors.UPSTREAM_UNREACHABLE
        message = f"The login to Qwen has run out, and could not be renewed: {reason}.  It is kept, and tried again."
        return ProxyError(row, message, retry_after=max(1.0, self._left(self._failed_at, self._rest)))
