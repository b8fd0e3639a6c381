"""The login as this process holds it, in step with the store, a file as a rule, that it shares with others.

The store is the truth, but for a token that could not be written yet: that one is ahead of it, and the refresh token
in the store is used up.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from qwenproxy.auth.base import Lock, Locked, LockLost, LoginStore, Overtaken, Stamp, Stored
from qwenproxy.auth.client import Client
from qwenproxy.auth.conversation import Refused, SignInError, Unreachable
from qwenproxy.auth.token import Token
from qwenproxy.shared.link import Away
from qwenproxy.wire.oauth import TokenAnswer

log = logging.getLogger(__name__)

NOTHING: frozenset[Token] = frozenset()
BY_ANOTHER = "another program has signed out, or found that the login is over"


class Holding:
    """The token in memory.  What changes it waits its turn; reading `token` needs none."""

    def __init__(self, store: LoginStore, client: Client, *, now: Callable[[], float]) -> None:
        self.token: Token | None = None
        self.unsaved = False
        """Whether the token is in memory only."""
        self.away = ""
        """Why it is not known whether anybody is signed in; "" if it is."""
        self.lost = ""
        """Why there is no login any more; "" if that is not known."""
        self.refreshed_at: float | None = None
        self._store = store
        self._client = client
        self._now = now
        self._turn = asyncio.Lock()
        self._stamp: Stamp | None = None
        self._looked = False
        self._before = NOTHING
        """Tokens that the one in memory comes after, and that may be in the file still, while `unsaved`."""
        self._complaint = ""

    async def look(self) -> None:
        """Take up what others have done to the file."""
        if not self._turn.locked():  # who has the turn looks for itself
            async with self._turn:
                await self._look()

    async def refresh(self, old: str) -> None:
        """Put another token in the place of the access token *old*; `token` is None then if the login is over.

        Another process may have done it: its token will do.  Raises SignInError; Refused alone ends the login.
        """
        async with self._turn:
            await self._look()
            if self.token is None or self._has_another(old):
                return
            try:
                async with self._locked() as lock:
                    await self._look()
                    if self.token is not None and not self._has_another(old):
                        await self._renew(self.token, lock)
            except Unreachable:  # the lock may have been with somebody who has renewed it
                await self._look()
                if not self._has_another(old):
                    raise

    async def take(self, answer: TokenAnswer) -> None:
        """Hold the token of a new login."""
        new = Token.issued(answer, self._now())
        async with self._turn:
            before = await self._in_file()
            try:
                async with self._locked(keeping=True) as lock:
                    await self._commit(new, before, lock)
            except Unreachable as e:
                self._hold_unsaved(new, before, e)

    async def save(self) -> None:
        """Try again to write a token that is in memory only.  Raises Unreachable while the file is locked."""
        async with self._turn:
            if self.unsaved and self.token is not None:
                async with self._locked(keeping=True) as lock:
                    await self._commit(self.token, self._before, lock)

    def _has_another(self, old: str) -> bool:
        token = self.token
        return token is not None and token.access_token != old and token.is_fresh(self._now())

    async def _look(self) -> None:
        try:
            if not self._looked or await self._store.stamp() != self._stamp:
                self._follow(await self._store.read())
            self.away = ""
        except OSError as e:
            self.away = str(e) if isinstance(e, Away) else ""
            self._complain(f"{self._store.place} cannot be read: {_reason(e)}")

    def _follow(self, stored: Stored) -> None:
        """Let what is in the file hold."""
        first, self._looked = not self._looked, True
        self._stamp = stored.stamp
        there = stored.token
        if there is None or stored.stamp is None:
            self._miss(stored)
            return
        if self.unsaved and there in self._before:
            return
        self._complaint, self.lost, self.unsaved, self._before = "", "", False, NOTHING
        if there == self.token:
            return
        if not first:  # written while we looked on: so we know when, and how long it lasts
            there = replace(there, lifetime=max(0.0, there.expires_at - stored.stamp.written_at))
            log.info("another program has renewed the login, or signed in: taken up from %s", self._store.place)
        self.token = there

    def _miss(self, stored: Stored) -> None:
        """There is no token in the file."""
        if stored.stamp is not None:
            self._complain(stored.fault)
        elif not self.unsaved:
            had, self.token = self.token, None
            self.lost = stored.fault or (BY_ANOTHER if had else self.lost)
            if had:
                log.warning("There is no login in %s any more: %s", self._store.place, self.lost)

    async def _renew(self, old: Token, lock: Lock | None) -> None:
        before = self._before | {old}
        asked = self._now()
        try:
            if not old.refresh_token:
                raise Refused("the login cannot be renewed: it has no refresh token")
            if lock is None:
                answer = await self._client.renew(old.refresh_token)
            else:
                await lock.spend()
                answer = await self._client.renew(old.refresh_token, lock.check)
        except LockLost as e:
            raise Unreachable(f"the login was not renewed: {e}") from e
        except Refused as e:
            await self._end(before, lock, e.message)
            if self.token is None:
                raise
            return
        await self._commit(old.renewed(answer, asked), before, lock)
        self.refreshed_at = asked

    async def _commit(self, new: Token, before: frozenset[Token], lock: Lock | None) -> None:
        """Write *new* in the place of one of *before*, then hold it; if it cannot be written, hold it all the same."""
        over = {token.access_token for token in before}
        try:
            try:
                stamp = await self._store.write(new, lock, over)
            except LockLost:
                async with self._locked(keeping=True) as another:
                    stamp = await self._store.write(new, another, over)
        except Overtaken:
            log.warning("another program has renewed the login, or signed in, at the same time: its login is used")
            self.token, self.unsaved = None, False
            await self._look()
        except (OSError, LockLost, Unreachable) as e:
            self._hold_unsaved(new, before, e)
        else:
            if self.unsaved:
                log.warning("%s: the login could be written now", self._store.place)
            self.token, self._stamp, self._looked = new, stamp, True
            self.unsaved, self._before, self._complaint, self.lost = False, NOTHING, "", ""

    def _hold_unsaved(self, new: Token, before: frozenset[Token], error: Exception) -> None:
        if not self.unsaved or self.token != new:
            log.error(
                "%s cannot be written (%s): the login is kept in memory only, and lost if the proxy ends before it "
                "can be written; it goes on trying",
                self._store.place,
                _reason(error),
            )
        self.token, self.unsaved, self._before, self.lost = new, True, before, ""

    async def _end(self, dead: frozenset[Token], lock: Lock | None, why: str) -> None:
        """Forget a login that the server has ended; another one that is in the file by now is taken up."""
        self.token, self.unsaved, self._before, self.lost = None, False, NOTHING, why
        try:
            await self._store.remove(lock, {token.refresh_token for token in dead}, why)
            self._stamp = None
            await self._look()
        except Overtaken:
            await self._look()
        except LockLost:
            log.warning("%s is left to the program that has locked it by now", self._store.place)
        except OSError as e:
            log.warning("%s holds a login that is over, and cannot be removed: %s", self._store.place, _reason(e))

    async def _in_file(self) -> frozenset[Token]:
        """The token in the file, if there is one."""
        try:
            there = (await self._store.read()).token
        except OSError:
            return NOTHING
        return frozenset({there}) if there else NOTHING

    @asynccontextmanager
    async def _locked(self, *, keeping: bool = False) -> AsyncIterator[Lock | None]:
        """The lock; *keeping*: only to write what we have.

        None where none can be made, as on a read-only disk: then nobody else there can make one.
        """
        async with AsyncExitStack() as stack:
            lock: Lock | None = None
            try:
                await self._store.prepare()
                lock = await stack.enter_async_context(self._store.lock(keeping=keeping))
            except (Locked, TimeoutError) as e:
                raise Unreachable(f"the login could not be locked: {_reason(e)}") from e
            except OSError as e:
                self._complain(f"{self._store.place} cannot be locked, so nobody may share it: {_reason(e)}")
            yield lock

    def _complain(self, text: str) -> None:
        """Say so, once."""
        if text != self._complaint:
            self._complaint = text
            log.warning("%s", text)


def _reason(error: Exception) -> str:
    if isinstance(error, SignInError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or "it took too long"
