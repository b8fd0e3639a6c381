"""Carries conversations with the OAuth server out: the one place where they meet network and clock."""

import asyncio
import secrets
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache

import aiohttp
import certifi
import orjson

from qwenproxy import __version__
from qwenproxy.auth import device, renewal
from qwenproxy.auth.conversation import Conversation, Invitation, Post, Reply, Show, Wait
from qwenproxy.wire.oauth import Json, Server, TokenAnswer

USER_AGENT = f"qwenproxy/{__version__}"
TIME_LIMIT = 30.0  # s for one request and its answer
LARGEST = 1 << 20  # bytes of an answer that are read
LONGEST_RETRY = 3600.0  # s; what a server says beyond that is not believed

type Shown = Callable[[Invitation], None]
"""Is told what the user has to open."""
type Sleep = Callable[[float], Awaitable[None]]
type Check = Callable[[], Awaitable[None]]
"""Raises if a request is not to be sent any more."""


@cache
def tls_context() -> ssl.SSLContext:
    """Checks a server's certificate against the system's authorities and Mozilla's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Client:
    """Speaks to one OAuth server.  With *session* over that one, else over one of its own for each conversation."""

    def __init__(
        self, server: Server, session: aiohttp.ClientSession | None = None, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.server = server
        self._session = session
        self._sleep = sleep

    async def sign_in(self, show: Shown) -> TokenAnswer:
        """Sign the user in: *show* is told the link, then this waits.  Raises SignInError."""
        verifier = secrets.token_urlsafe(32)
        return await self.carry_out(device.sign_in(self.server, verifier), show)

    async def renew(self, refresh_token: str, check: Check | None = None) -> TokenAnswer:
        """The next token; *check* is asked at the last moment, since the refresh token can be sent but once.

        Raises SignInError: Refused if the login is over, anything else if it is not; and what *check* raises.
        """
        return await self.carry_out(renewal.renew(self.server, refresh_token), check=check)

    async def carry_out[T](
        self, conversation: Conversation[T], show: Shown = lambda _: None, check: Check | None = None
    ) -> T:
        """Do what *conversation* asks for, to its end; its result, or what it raises."""
        async with self._sessions(check) as session:
            step = next(conversation)
            while True:
                reply: Reply | None = None
                match step:
                    case Post():
                        reply = await _post(session, step)
                    case Wait(seconds):
                        await self._sleep(seconds)
                    case Show(invitation):
                        show(invitation)
                try:
                    step = conversation.send(reply)
                except StopIteration as end:
                    result: T = end.value
                    return result

    @asynccontextmanager
    async def _sessions(self, check: Check | None) -> AsyncIterator[aiohttp.ClientSession]:
        if self._session is not None:
            if check is not None:
                await check()
            yield self._session
            return
        tracing = aiohttp.TraceConfig()
        if check is not None:

            async def connected(*_: object) -> None:
                await check()  # to connect takes time, in which this process may have been stopped

            tracing.on_connection_create_end.append(connected)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls_context(), force_close=True),  # polls are far apart
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # the environment's proxy may well be ourselves
            trace_configs=[tracing],
        ) as session:
            yield session


async def _post(session: aiohttp.ClientSession, post: Post) -> Reply:
    """The reply to *post*; one of status 0 if none came."""
    headers = {
        **post.headers,
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        "x-request-id": str(uuid.uuid4()),
    }
    limit = aiohttp.ClientTimeout(total=TIME_LIMIT)
    try:
        # A redirect would take the login to a host that nobody has named.
        async with session.post(
            post.url, data=dict(post.form), headers=headers, allow_redirects=False, timeout=limit
        ) as response:
            body = await _read(response.content)
            return read_reply(response.status, response.content_type, body, response.headers.get("retry-after", ""))
    except TimeoutError:
        return Reply(0, fault=f"no answer within {TIME_LIMIT:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as e:
        return Reply(0, fault=str(e) or type(e).__name__)


async def _read(content: aiohttp.StreamReader) -> bytes:
    pieces: list[bytes] = []
    room = LARGEST
    while room > 0 and (piece := await content.read(room)):
        pieces.append(piece)
        room -= len(piece)
    return b"".join(pieces)


def read_reply(status: int, content_type: str, body: bytes, retry_after: str = "") -> Reply:
    """An answer as the conversations take it.

    A firewall in front of the server answers with a web page, under any status: so the type and the first byte are
    looked at before the body is taken for JSON.
    """
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    after = min(float(retry_after), LONGEST_RETRY) if retry_after.isascii() and retry_after.isdigit() else None
    if "html" in content_type.lower() or text.startswith(b"<"):
        return Reply(status, page=True, retry_after=after)
    answer = _object(text)
    fault = "" if answer is not None else "its answer is not JSON" if text else "its answer is empty"
    return Reply(status, answer, fault=fault, retry_after=after)


def _object(text: bytes) -> Json | None:
    if not text.startswith(b"{"):
        return None
    try:
        found: Json = orjson.loads(text)
    except ValueError:
        return None
    return found
