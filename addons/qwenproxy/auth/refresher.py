"""Keeps a login fresh in the background, so that no request has to wait for a new token."""

import asyncio
import logging
import random
import time
from collections.abc import Callable

from qwenproxy.auth import backoff
from qwenproxy.auth.backoff import Jitter
from qwenproxy.auth.client import Sleep
from qwenproxy.auth.oauth import LOOK_EVERY, OAuth
from qwenproxy.auth.token import Token

log = logging.getLogger(__name__)

SHORTEST = 0.1  # s between two turns


class Refresher:
    """Renews the token of *oauth* *lead* seconds before its end, and starts a sign-in when the login is lost."""

    def __init__(
        self,
        oauth: OAuth,
        *,
        lead: float = 300.0,
        now: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        jitter: Jitter = random.random,
    ) -> None:
        self._oauth = oauth
        self._lead = lead
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._task: asyncio.Task[None] | None = None
        self._token: Token | None = None
        self._due = 0.0
        self._failures = 0

    def start(self) -> None:
        """Begin, on the running event loop."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self.run(), name="refresh the login to Qwen in time")

    def stop(self) -> None:
        """End; a refresh under way goes on to its end."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def run(self) -> None:
        """Turn after turn, until cancelled."""
        while True:
            try:
                pause = await self.turn()
            except Exception:  # a bug here must not leave the proxy without a token hours later
                log.exception("The refresher stumbled")
                pause = LOOK_EVERY
            await self._sleep(max(pause, SHORTEST))

    async def turn(self) -> float:
        """Do what is due; the seconds until the next turn.  The file is looked at every few seconds."""
        oauth = self._oauth
        await oauth.look()
        if oauth.unsaved:
            await oauth.save()
        token = oauth.current
        if token is None:
            if not oauth.away:
                oauth.sign_in()
            return LOOK_EVERY
        self._follow(token)
        if self._now() >= self._due:
            await oauth.refresh(token.access_token)
            self._judge(token)
        return min(LOOK_EVERY, self._due - self._now())

    def _follow(self, token: Token) -> None:
        """Reckon anew when the token is another, whoever has renewed it."""
        if token is not self._token:
            self._due = token.renew_at(self._lead, self._jitter())
            self._token, self._failures = token, 0

    def _judge(self, old: Token) -> None:
        """After a refresh: go by the new token, or try again later."""
        token = self._oauth.current
        if token is not None and token.access_token != old.access_token:
            self._follow(token)
        elif token is not None:
            self._due = self._now() + self._back_off()

    def _back_off(self) -> float:
        self._failures += 1
        failure = self._oauth.failure
        wanted = failure.retry_after if failure is not None else None
        return max(backoff.pause(self._failures, self._jitter()), wanted or 0.0)
