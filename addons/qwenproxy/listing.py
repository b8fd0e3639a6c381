"""What an upstream lists of its models, kept: asked for when somebody wants to know, renewed in the background, and
never waited for long."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from qwenproxy import errors, faces
from qwenproxy.dialects import listings
from qwenproxy.dialects.listings import Listed, Page
from qwenproxy.errors import ProxyError
from qwenproxy.lines import Line
from qwenproxy.plans import Face

log = logging.getLogger(__name__)

LIFETIME = 600.0  # s that a listing is good for
RETRY = 60.0  # s after which an upstream that did not list is asked again
PATIENCE = 3.0  # s that an app waits for the first listing
TIMEOUT = 30.0  # s for all of it
BODY_LIMIT = 8 * 1024 * 1024  # bytes of one page
PAGES = 20
MODELS = 5_000


class Listing:
    """The listing of one line; *clock* gives monotonic seconds."""

    def __init__(self, line: Line, clock: Callable[[], float] = time.monotonic) -> None:
        self._line = line
        self._clock = clock
        self._address = ""
        self._models: Sequence[Listed] | None = None
        self._good_until = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._since = 0.0
        """When the call under way began."""

    async def models(self, app: str, patience: float = PATIENCE) -> Sequence[Listed] | None:
        """What the upstream lists, as far as it is known; None if it has not said yet, or does not.

        *app*: the User-Agent of whoever asks.  Only if nothing is known an answer is waited for, *patience* seconds
        from when the upstream was asked: one that hangs holds up the first apps, not every one.
        """
        if self._line.upstream.base_url != self._address:
            self._forget()
        now = self._clock()
        if self._asking is None and now >= self._good_until:
            self._asking, self._since = asyncio.create_task(self._ask(app), name="list models"), now
        if self._models is None and self._asking is not None:
            await asyncio.wait({self._asking}, timeout=max(0.0, self._since + patience - now))
        return self._models

    async def fetch(self, app: str) -> list[Listed]:
        """What the upstream lists now.  Raises ProxyError."""
        face = faces.face_of(self._line.upstream.base_url)
        found: dict[str, Listed] = {}
        following = ""
        for _ in range(PAGES):
            page, known = await self._page(face, following, app), len(found)
            found |= {model.id: model for model in page.models}
            if not page.following or len(found) == known or len(found) >= MODELS:
                break
            following = page.following
        return list(found.values())[:MODELS]

    def inherit(self, before: "Listing") -> None:
        """Go on with what *before* knows."""
        self._address, self._models, self._good_until = before._address, before._models, before._good_until

    def close(self) -> None:
        """Give up a call that is under way."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, app: str) -> None:
        """Renew the listing; if that fails, what was known stays."""
        address = self._address
        lifetime = RETRY
        try:
            async with asyncio.timeout(TIMEOUT):
                models = await self.fetch(app)
            if address == self._address:
                self._models, lifetime = models, LIFETIME
        except (ProxyError, TimeoutError) as e:
            log.info("%s does not list its models: %s", self._line.name, e or "it takes too long")
        finally:
            if address == self._address:
                self._good_until, self._asking = self._clock() + lifetime, None

    async def _page(self, face: Face, following: str, app: str) -> Page:
        answer = await self._line.open(listings.request(face, following), app)
        try:
            body = await answer.read_all(BODY_LIMIT)
        finally:
            await answer.close()
        try:
            return listings.page(face, body)
        except ValueError as e:
            message = f"the upstream's list of models cannot be read: {e}"
            raise ProxyError(errors.UPSTREAM_GARBLED, message) from e

    def _forget(self) -> None:
        """The login leads elsewhere now: what is known of the upstream before it says nothing."""
        self.close()
        self._asking = None
        self._address, self._models, self._good_until = self._line.upstream.base_url, None, 0.0
