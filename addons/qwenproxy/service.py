"""What all exchanges share: the lines to Qwen, and which of them to take."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from qwenproxy import errors, faces, hints, plans
from qwenproxy.auth import keys
from qwenproxy.auth.base import LoginStore
from qwenproxy.auth.client import Client
from qwenproxy.auth.credentials import ApiKey, Credential, MissingKey, NoCredential
from qwenproxy.auth.keys import FoundKey
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.refresher import Refresher
from qwenproxy.auth.shared_store import SharedStore
from qwenproxy.auth.store import Store
from qwenproxy.continuations import Continuations
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.lessons import Lessons
from qwenproxy.lines import Line
from qwenproxy.listing import Listing
from qwenproxy.offer import Offer
from qwenproxy.record import Record
from qwenproxy.settings import Settings, credentials_path
from qwenproxy.shared import place
from qwenproxy.shared.place import Shared
from qwenproxy.upstream import Upstream
from qwenproxy.wire.oauth import Server

log = logging.getLogger(__name__)

RESTS: Mapping[Failure, float] = {errors.QUOTA: 600.0, errors.BILLING: 600.0, errors.UPSTREAM_KEY: 60.0}
"""What speaks against a line and not against the request: for how many seconds the others are tried before it."""


ASIDE = "next_upstream"
"""Why an exchange is tried again, on another line."""


class Service:
    """The lines that one set of settings comes to, the preferred one first; *clock* gives monotonic seconds."""

    def __init__(
        self,
        settings: Settings,
        lines: Sequence[Line],
        notes: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        shared: Shared | None = None,
    ) -> None:
        """*shared*: what other machines share with this one."""
        self.settings = settings
        self.shared = shared
        self.lines = lines
        self.notes = notes
        """What could not be read of the credentials."""
        self.continuations = Continuations(clock, shared if has_tools(settings) else None)
        """What the proxy's own tools did in answers that apps go on from."""
        self._clock = clock
        self._listings = {line: Listing(line, clock) for line in lines}
        self._refreshers = [
            Refresher(line.credential, lead=settings.refresh_lead)
            for line in lines
            if isinstance(line.credential, OAuth)
        ]
        self._lessons = None if shared is None else Lessons(shared.link, list(lines), clock)

    def usable(self) -> list[Line]:
        """The lines in the order in which they are to be tried: those that rest come last."""
        if len(self.lines) == 1:
            return [self.lines[0]]
        now = self._clock()
        return sorted(self.lines, key=lambda line: max(0.0, line.rests_until - now))

    async def first[T](self, lines: Sequence[Line], attempt: Callable[[Line], Awaitable[T]], record: Record) -> T:
        """What *attempt* makes of the first of *lines* that answers; one that fails by itself is put aside.

        *record*: that of the exchange.  Raises ProxyError: what is wrong with the request, or with the last line.
        """
        for line, following in pairwise(lines):
            try:
                return await attempt(line)
            except ProxyError as e:
                if not self.put_aside(line, e, following):
                    raise
                record.retried(ASIDE)
        return await attempt(lines[-1])

    def put_aside(self, line: Line, error: ProxyError, following: Line) -> bool:
        """Whether *error* speaks against *line*, so that *following* is to be tried."""
        rest = RESTS.get(error.failure)
        if rest is None:
            return False
        if line.rests_until <= self._clock():
            log.warning("%s is put aside for %g s, %s goes on: %s", line.name, rest, following.name, error.message)
        line.rests_until = self._clock() + rest
        return True

    async def offer(self, agent: str) -> Offer:
        """The models that the preferred line offers to an app whose User-Agent is *agent*."""
        line = self.usable()[0]
        return Offer(self.settings, line, await self._listings[line].models(agent))

    def inherit(self, before: "Service") -> None:
        """Keep what *before* has learned about the same upstreams, and what apps go on from."""
        if self.continuations.shared is before.continuations.shared:
            self.continuations = before.continuations
        known = {line.name: line for line in before.lines}
        for line in self.lines:
            if old := known.get(line.name):
                line.inherit(old)
                self._listings[line].inherit(before._listings[old])

    def start(self) -> None:
        """Begin to keep logins fresh, on the running event loop."""
        for refresher in self._refreshers:
            refresher.start()
        if self._lessons is not None:
            self._lessons.start()

    async def retire(self) -> None:
        """Take no new exchanges; those under way go on."""
        for refresher in self._refreshers:
            refresher.stop()
        if self._lessons is not None:
            self._lessons.stop()
        for listing in self._listings.values():
            listing.close()
        logins = [line.credential for line in self.lines if isinstance(line.credential, OAuth)]
        await asyncio.gather(*(line.upstream.retire() for line in self.lines), *(login.close() for login in logins))


def service(settings: Settings, environ: Mapping[str, str], shared: Shared | None = None) -> Service:
    """The service that *settings* describe.  Connects to nothing yet.  Raises ValueError.

    *shared*: what other machines share, to which a proxy that serves brings the login that is here only; None: its own
    way there, if there is any, on which nothing is changed.
    """
    notes: list[str] = []
    offers = shared is not None
    shared = place.shared(settings) if shared is None else shared
    found = lines(settings, environ, notes.append, shared, offers=offers)
    return Service(settings, found, notes, shared=shared)


def has_tools(settings: Settings) -> bool:
    """Whether any tool of the proxy may be called."""
    return bool(settings.tools or settings.tools_on_request or settings.client_tools)


def lines(
    settings: Settings,
    environ: Mapping[str, str],
    note: Callable[[str], object],
    shared: Shared | None = None,
    *,
    offers: bool = False,
) -> list[Line]:
    """The lines to choose from, at least one; *note* is told what could not be read.

    With a named upstream all of them lead there: what an app says must go nowhere else.
    """
    address = spoken(settings, faces.trimmed(settings.upstream)) if settings.upstream else ""
    found: list[Line] = []
    if settings.auth in ("auto", "api_key"):
        found += by_key(settings, environ, note)
    own = bool(address) and plans.kind_of(address) in plans.KEYLESS
    if settings.auth == "none" or (settings.auth == "auto" and own and not found):
        found.append(line(settings, address or spoken(settings, plans.STANDARD.base_url), NoCredential()))
    if wants_login(settings, environ, address, found):
        found.append(line(settings, address, login(settings, environ, shared, offers=offers), hints.LOGIN))
    return found or [
        line(settings, address or spoken(settings, plans.STANDARD.base_url), missing_key(settings, address))
    ]


def by_key(settings: Settings, environ: Mapping[str, str], note: Callable[[str], object]) -> list[Line]:
    """The lines of the API keys.  Raises ValueError if none of them leads to what speaks the dialect that is set."""
    found: list[Line] = []
    refusals: list[ValueError] = []
    for key in keys.find(settings, environ, note):
        try:
            address = spoken(settings, key.base_url)
        except ValueError as e:
            refusals.append(e)
            continue
        found.append(line(settings, address, api_key(settings, key), kind(key)))
    if refusals and not found:
        raise refusals[0]
    for refusal in refusals:
        note(f"A key is not used: {refusal}.")
    return found


def spoken(settings: Settings, address: str) -> str:
    """*address*, or another face of its host if the setting `dialect` says so.

    Raises ValueError if there is no such face, or none as the address's own path says.
    """
    face = next((face for face in plans.FACES if face == settings.dialect), None)
    try:
        return faces.speaking(address, face)
    except ValueError as e:
        named = "upstream" if face is None else "dialect"
        raise ValueError(f"{settings.sources.get(named, named)}: {e}") from None


def wants_login(settings: Settings, environ: Mapping[str, str], address: str, found: Sequence[Line]) -> bool:
    """Whether the OAuth login is one of the credentials."""
    if not takes_login(settings) and not address:
        if settings.auth == "oauth":
            source = settings.sources.get("dialect", "dialect")
            raise ValueError(f"{source}: where the OAuth login leads, only the compatible dialect is spoken")
        return False
    if settings.auth != "auto":
        return settings.auth == "oauth"
    if address and (found or plans.kind_of(address) is not plans.PORTAL):
        return False
    if place.shared(settings) is not None and settings.state_keys and not found:
        return True  # whether somebody has signed in is not known here
    return credentials_path(settings, environ).exists()


def takes_login(settings: Settings) -> bool:
    """Whether the dialect that is set is spoken where a login leads."""
    return settings.dialect in ("auto", *plans.PORTAL.faces)


def line(settings: Settings, address: str, credential: Credential, kind: hints.KeyKind | None = None) -> Line:
    return Line(Upstream(address, credential, idle_timeout=settings.idle_timeout), settings, kind)


def kind(key: FoundKey) -> hints.KeyKind:
    return hints.key_kind(key.key.reveal(), key.source)


def api_key(settings: Settings, key: FoundKey) -> ApiKey:
    file = settings.api_key_file
    from_file = bool(file) and key.source == settings.sources.get("api_key_file")
    return ApiKey(key.key.reveal(), Path(file) if from_file else None)


def login(settings: Settings, environ: Mapping[str, str], shared: Shared | None, *, offers: bool = False) -> OAuth:
    """The login as a credential.  Raises ValueError for one that is to be shared, and cannot be sealed."""
    server = Server(settings.oauth_url, settings.oauth_client_id, settings.oauth_scope)
    store = login_store(settings, environ, shared, offers=offers)
    named = urlsplit(settings.oauth_url).hostname or ""
    allowed = (*settings.allowed_hosts, named)
    return OAuth(store, Client(server), allowed_hosts=allowed, refresh_lead=settings.refresh_lead)


def login_store(
    settings: Settings, environ: Mapping[str, str], shared: Shared | None, *, offers: bool = False
) -> LoginStore:
    """Where the login is kept: in what machines share, else in a file.

    *offers*: whether one that is in the file only is shared.  Raises ValueError if it could not be sealed.
    """
    file = Store(credentials_path(settings, environ))
    if shared is None:
        return file
    place.check(settings, "a login")
    return SharedStore(shared, f"{settings.oauth_client_id} at {settings.oauth_url}", file if offers else None)


def missing_key(settings: Settings, address: str) -> MissingKey:
    where = f" {address}" if address else ""
    login = ", or sign in with `qwenproxy login`," if takes_login(settings) else " (a login speaks no such dialect)"
    message = (
        f"The proxy has no key for its upstream{where}: set QWENPROXY_API_KEY (or DASHSCOPE_API_KEY){login} and start "
        "it again; QWENPROXY_AUTH=none if the upstream wants no key.  The app's own OpenAI key is never used."
    )
    return MissingKey(ProxyError(errors.UPSTREAM_KEY, message))


def complaints(service: Service) -> list[str]:
    """What the user should hear at the start."""
    found = [*service.settings.notes, *service.notes]
    for line in service.lines:
        if isinstance(line.credential, MissingKey):
            found.append(line.credential.error.message)
        elif complaint := line.complaint:
            found.append(complaint)
    return found
