"""Signing in while the proxy runs: by itself when the login is lost, again and again until the user has confirmed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from qwenproxy.auth import backoff
from qwenproxy.auth.backoff import Jitter
from qwenproxy.auth.client import Client, Sleep
from qwenproxy.auth.conversation import Expired, Invitation, Refused, SignInError
from qwenproxy.wire.oauth import TokenAnswer

log = logging.getLogger(__name__)

FIRST_PAUSE = 5.0  # s before the next try
LONGEST_PAUSE = 300.0  # s, while the server cannot be used
LONGEST_REST = 3600.0  # s, while nobody confirms; a request ends the rest


class Login:
    """At most one sign-in at a time.  *take* gets the token of the one that succeeds."""

    def __init__(
        self, client: Client, take: Callable[[TokenAnswer], Awaitable[None]], *, sleep: Sleep, jitter: Jitter
    ) -> None:
        self.invitation: Invitation | None = None
        """What the user is waited for to confirm."""
        self.error: SignInError | None = None
        """Why there is no invitation."""
        self._client = client
        self._take = take
        self._sleep = sleep
        self._jitter = jitter
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()
        self._resting = False
        self._taking = False
        self._closed = False

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin, unless it is under way."""
        if not self.is_running and not self._closed:
            self._news.clear()
            self._task = asyncio.create_task(self._run(), name="sign in to Qwen")

    def want(self) -> None:
        """Begin, unless it is under way; if it rests because nobody was there, somebody is now."""
        self.start()
        if self._resting:
            self._news.clear()
            self._wanted.set()

    def stop(self) -> None:
        """Give up: there is a login from elsewhere, or the proxy ends.  One that has succeeded is kept."""
        if self._task is not None and not self._taking:
            self._task.cancel()
            self._task = None
        self.invitation = self.error = None

    async def close(self) -> None:
        """Give up for good, or see through to its end what has succeeded."""
        self._closed = True
        self.stop()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def news(self, patience: float) -> None:
        """Wait until there is an invitation, or the reason why not; *patience* seconds at most."""
        if not self.is_running:
            return
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError:
            return

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._keep(await self._client.sign_in(self._show))
            except SignInError as e:
                failures += 1
                self._fail(e)
                await self._rest(e, failures)
            except Exception as e:  # were this to end, only a restart would bring the login back
                failures += 1
                log.exception("The sign-in broke")
                await self._rest(SignInError(type(e).__name__), failures)
            else:
                self.invitation = self.error = None
                log.info("Signed in to Qwen")
                return

    async def _keep(self, answer: TokenAnswer) -> None:
        self._taking = True
        try:
            await self._take(answer)
        finally:
            self._taking = False

    def _show(self, invitation: Invitation) -> None:
        self.invitation, self.error = invitation, None
        self._news.set()
        log.warning(
            "Sign in to Qwen: open %s and confirm the code %s (within %d minutes), or run `qwenproxy login`",
            invitation.link,
            invitation.user_code,
            max(1, invitation.expires_in // 60),
        )

    def _fail(self, error: SignInError) -> None:
        self.invitation, self.error = None, error
        self._news.set()
        log.warning("Not signed in to Qwen: %s", error.message)

    async def _rest(self, error: SignInError, failures: int) -> None:
        """Wait before the next try: at least a moment, longer each time."""
        nobody = isinstance(error, Expired | Refused)
        longest = LONGEST_REST if nobody else LONGEST_PAUSE
        seconds = backoff.pause(failures, self._jitter(), first=FIRST_PAUSE, longest=longest)
        seconds = max(seconds, error.retry_after or 0.0)
        await self._sleep(min(FIRST_PAUSE, seconds))
        if nobody and seconds > FIRST_PAUSE:
            await self._sleep_until_wanted(seconds - FIRST_PAUSE)
        elif seconds > FIRST_PAUSE:
            await self._sleep(seconds - FIRST_PAUSE)
        self._news.clear()

    async def _sleep_until_wanted(self, seconds: float) -> None:
        self._wanted.clear()
        ends = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._wanted.wait())]
        self._resting = True
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._resting = False
            for end in ends:
                end.cancel()
