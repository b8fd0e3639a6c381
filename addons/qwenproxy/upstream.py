"""The upstream: a pooled HTTP client and the credential; a round's bytes out and in."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from qwenproxy import errors
from qwenproxy.auth.client import tls_context
from qwenproxy.auth.credentials import Credential
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.record import LEFT, Record, Step
from qwenproxy.transcript import Entry, hidden

CONNECT_TIMEOUT = 15.0  # s, for TCP and TLS together
KEEP_ALIVE = 60.0  # s that an idle connection is kept
READ_BUFFER = 256 * 1024  # bytes; all that has come is handed over at once, so a larger buffer means fewer pieces
DRAIN_TIMEOUT = 1.0  # s that the end of a chunked body may lag behind its last event
RENEWALS = 2  # of a refused token: the second time the credential says why a fresh one is refused too
REFUSAL_LIMIT = 256 * 1024  # bytes read of a refusal; its message is at the front

RENEWED, REOPENED = "token_renewed", "connection_reopened"
"""Why a call is made anew."""
BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What a connection that fails, or a server that does not speak HTTP, raises."""
DROPPED = (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError, aiohttp.ClientOSError)


class Round:
    """One call of the upstream and the answer to it.

    *entry*: where it is kept for viewing, if it is.  *step*: what follows it, if anything does.
    """

    def __init__(
        self,
        upstream: "Upstream",
        response: aiohttp.ClientResponse,
        entry: Entry | None = None,
        step: Step | None = None,
        token: str | None = None,
    ) -> None:
        self.entry = entry
        self._step = step
        self._token = token
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._upstream = upstream
        self._response = response
        self._idle_timeout = upstream.idle_timeout
        self._loop = asyncio.get_running_loop()
        self._waits_since: float | None = None
        self._watch = self._loop.call_later(self._idle_timeout, self._look) if self._idle_timeout else None

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def ended(self) -> bool:
        """All has been read."""
        return self._response.content.at_eof()

    async def read(self) -> bytes:
        """All that has come by now, at least one byte; b"" at the end.  Raises ProxyError when it breaks off."""
        self._waits_since = self._loop.time()
        try:
            data = await self._response.content.readany()
        except TimeoutError as e:
            message = f"the upstream was silent for {self._idle_timeout:g} s (setting idle_timeout)"
            raise self._broken(errors.UPSTREAM_TIMEOUT, message, limit="idle_timeout") from e
        except BROKEN as e:
            raise self._broken(errors.UPSTREAM_CUT, f"the upstream's answer broke off: {reason(e)}") from e
        finally:
            self._waits_since = None
        if self.entry is not None:
            self.entry.heard(data)
        return data

    def masked(self, error: ProxyError) -> ProxyError:
        """*error*, in the upstream's words, without the credential that it was sent, of whatever form that is."""
        error.message = without(error.message, self._token)
        error.param = error.param and without(error.param, self._token)
        return error

    def _look(self) -> None:
        """Give up a read that has waited too long: one timer for the round, since one for each read would cost more."""
        now = self._loop.time()
        left = self._idle_timeout - (now - (self._waits_since or now))
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self._response.content.set_exception(TimeoutError())

    async def read_all(self, limit: int) -> bytes:
        """The body up to *limit* bytes."""
        pieces: list[bytes] = []
        while limit > 0 and (piece := await self.read()):
            pieces.append(piece[:limit])
            limit -= len(piece)
        return b"".join(pieces)

    async def close(self, *, drain: bool = False) -> None:
        """Give the connection back to the pool; an unread answer is closed, which cancels the call.

        *drain*: all that counts has been read, so wait a moment for the formal end rather than lose the connection.
        """
        if self._watch is not None:
            self._watch.cancel()
        if self._step is not None:
            self._step.end(str(self.status) if self.status >= 400 else "")
        content = self._response.content
        if drain and not content.at_eof():
            with suppress(TimeoutError, *BROKEN):
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    while data := await content.readany():
                        if self.entry is not None:
                            self.entry.heard(data)
        if content.at_eof():
            self._response.release()
        else:
            self._response.close()
        await self._upstream.left()

    def _broken(self, failure: Failure, message: str, *, limit: str = "") -> ProxyError:
        if self.entry is not None:
            self.entry.failed(message)
        if self._step is not None:
            self._step.end(failure.code or failure.type)
        return ProxyError(failure, message, limit=limit)


class Upstream:
    """One Qwen API: its address, a pool of connections, and the credential for it."""

    def __init__(self, base_url: str, credential: Credential, *, idle_timeout: float) -> None:
        self._named = base_url.rstrip("/")
        self.credential = credential
        self.idle_timeout = idle_timeout
        self._under_way = 0
        self._retired = False
        self._session: aiohttp.ClientSession | None = None

    @property
    def base_url(self) -> str:
        """The address that was named, else the one that the credential is for."""
        return self._named or self.credential.base_url

    async def open(self, request: UpstreamRequest, user_agent: str, record: Record | None = None) -> Round:
        """Send *request* and wait for the head of the answer, whatever its status.

        A refused token is renewed, a dropped connection reopened.  *record*: that of the exchange, where each call is
        told of, if there is one.  Raises ProxyError.
        """
        token = await self.credential.token()
        answer = await self._send(request, token, user_agent, record)
        for _ in range(RENEWALS):
            if answer.status != 401 or not await self.credential.renew(token):
                break
            await answer.close(drain=True)
            token = await self.credential.token()
            retried(record, RENEWED)
            answer = await self._send(request, token, user_agent, record)
        return answer

    async def retire(self) -> None:
        """Take no new calls; end the connections as soon as the last round is over."""
        self._retired = True
        await self._end_if_idle()

    async def left(self) -> None:
        """A round is over."""
        self._under_way -= 1
        await self._end_if_idle()

    async def _end_if_idle(self) -> None:
        if self._retired and self._under_way == 0 and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _send(self, request: UpstreamRequest, token: str | None, user_agent: str, record: Record | None) -> Round:
        headers = {"content-type": "application/json", "user-agent": user_agent, **request.headers}
        entry, step = None, None
        if record is not None and record.trace is not None:
            step = record.trace.round(self.base_url + request.path)
            headers |= step.headers
        if record is not None and record.transcript is not None:
            url = self.base_url + request.path
            entry = record.transcript.begin(request.method, url, headers, request.body, token)
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        try:
            async with asyncio.timeout(self.idle_timeout or None):
                response = await self._ask_again(request, headers, record)
        except (*BROKEN, TimeoutError) as e:
            error = self._unreachable(e)
            if entry is not None:
                entry.failed(error.message)
            if step is not None:
                step.end(error.failure.code or error.failure.type)
            raise error from e
        except asyncio.CancelledError:
            if step is not None:
                step.end(LEFT)
            raise
        if entry is not None:
            entry.answered(response.request_info.headers, response.status, response.headers)
        self._under_way += 1
        return Round(self, response, entry, step, token)

    async def _ask_again(
        self, request: UpstreamRequest, headers: Mapping[str, str], record: Record | None
    ) -> aiohttp.ClientResponse:
        """As `_ask`, and once more if the idle connection that it took had been closed by the other side."""
        try:
            return await self._ask(request, headers)
        except DROPPED as e:
            if isinstance(e, aiohttp.ClientConnectorError):
                raise
            retried(record, REOPENED)
            return await self._ask(request, headers)

    async def _ask(self, request: UpstreamRequest, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        url = URL(self.base_url + request.path)  # yarl remembers the latest ones
        # A redirect would take the prompt to a host that nobody has named.
        return await self._client().request(
            request.method, url, data=request.body or None, headers=headers, allow_redirects=False
        )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=60, ssl=tls_context()
                ),
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=CONNECT_TIMEOUT, sock_read=None),
                headers={"accept-encoding": "identity", "accept": "application/json, text/event-stream"},
                read_bufsize=READ_BUFFER,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # the environment's proxy may well be ourselves
            )
        return self._session

    def _unreachable(self, error: Exception) -> ProxyError:
        if isinstance(error, TimeoutError):
            limit = "" if isinstance(error, aiohttp.ClientError) else "idle_timeout"  # else it was still connecting
            named = f" (setting {limit})" if limit else ""
            message = f"the upstream {self.base_url} did not answer in time{named}"
            return ProxyError(errors.UPSTREAM_TIMEOUT, message, limit=limit)
        if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
            return ProxyError(
                errors.UPSTREAM_GARBLED, f"the upstream {self.base_url} does not speak HTTP: {reason(error)}"
            )
        message = f"the upstream {self.base_url} could not be reached: {reason(error)}"
        return ProxyError(errors.UPSTREAM_UNREACHABLE, message)


def retried(record: Record | None, why: str) -> None:
    if record is not None:
        record.retried(why)


def without(text: str, token: str | None) -> str:
    """*text* of the upstream's, without *token*."""
    return hidden(text.encode("utf-8", "surrogatepass"), token).decode("utf-8", "replace")


def reason(error: BaseException) -> str:
    """What went wrong, in the library's words, or its name when it says nothing.

    Its words about what it cannot read go on to quote that, and that may be anything: the credential, for one.
    """
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection ended within it"  # the library's words are a status and the inside of its parser
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return error.message.partition(":")[0] or type(error).__name__
    return str(error) or type(error).__name__
