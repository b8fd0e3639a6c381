"""The door in mitmproxy's HTTP layer: who is let in, how an answer goes out, and when it does not open at all."""

import asyncio
import gc
import gzip
import inspect
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from weakref import ReferenceType, ref

import pytest
from mitmproxy import http
from mitmproxy.proxy.layers import http as layers

from qwenproxy import exchange
from qwenproxy.flows import fit, live
from tests.support.clients import HELLO, App, App2, connected, request, trusting
from tests.support.processes import authority
from tests.support.proxy import Running, proxy
from tests.support.simulated import until
from tests.support.stage import ANSWER, DONE, event
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Reply, Upstream, upstream, whole

LIMIT = 10_000
STREAMED = HELLO | {"stream": True}


@pytest.fixture
async def running(qwen: Upstream, confdir: Path) -> AsyncIterator[Running]:
    authority(confdir)
    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none", "QWENPROXY_BODY_LIMIT": str(LIMIT)}
    async with proxy(environ, confdir) as found:
        yield found


@pytest.fixture
async def app(running: Running) -> AsyncIterator[App]:
    async with connected(running.ports[0]) as found:
        yield found


@asynccontextmanager
async def over_http2(running: Running, confdir: Path, *, greedy: bool = True) -> AsyncIterator[App2]:
    """The local OpenAI takes TLS on the same port."""
    async with connected(running.ports[0]) as app:
        await app.writer.start_tls(trusting(authority(confdir), "h2"), server_hostname="api.openai.com")
        yield App2(app, greedy=greedy)


def padded(size: int) -> bytes:
    """A request's body of *size* bytes."""
    text = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}'
    return text + b" " * (size - len(text))


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_up_to_the_limit_is_taken(app: App, size: int, chunked: bool) -> None:
    assert (await app.ask(body=padded(size), chunked=chunked)).status == 200
    assert (await app.ask(body=HELLO)).status == 200


@pytest.mark.parametrize("size", [LIMIT + 1, 40 * LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_refused_after_its_end(
    app: App, qwen: Upstream, size: int, chunked: bool
) -> None:
    """An answer before it would be lost in a reset, for a client that is still sending."""
    refused = await app.ask(body=padded(size), chunked=chunked)
    assert refused.error == (413, "request_too_large")
    assert await app.ended()
    assert qwen.asked == []


async def test_who_asks_before_it_sends_is_told_at_once(app: App) -> None:
    await app.send(request(body=b"", expect="100-continue", content_length=str(LIMIT + 1)))
    refused = await app.head()
    assert refused.status == 413
    assert await app.ended()


async def test_who_asks_before_it_sends_what_fits_is_let_go_on(app: App) -> None:
    body = padded(100)
    await app.send(request(body=b"", expect="100-continue", content_length="100"))
    assert (await app.head()).status == 100
    await app.send(body)
    assert (await app.reply()).status == 200


async def test_a_body_beyond_the_limit_ends_its_own_stream_of_http2_only(running: Running, confdir: Path) -> None:
    async with over_http2(running, confdir) as app:
        refused = await app.ask(padded(2 * LIMIT))
        assert refused.error == (413, "request_too_large")
        assert "connection" not in refused.headers
        assert (await app.ask(HELLO)).status == 200


async def test_what_unpacks_beyond_the_limit_is_refused(app: App) -> None:
    bomb = gzip.compress(bytes(1000 * LIMIT))
    assert len(bomb) < LIMIT
    assert (await app.ask(body=bomb, content_encoding="gzip")).error == (413, "request_too_large")
    assert (await app.ask(body=gzip.compress(padded(100)), content_encoding="gzip")).status == 200


async def forever(connection: Connection) -> None:
    """An answer that begins and does not end."""
    await connection.send(STREAM_HEAD + event("one"))
    await connection.gone()


@pytest.fixture
def ended(qwen: Upstream) -> Callable[[], int]:
    """The upstream begins answers and does not end them; how many of its calls have been given up."""
    count = 0

    async def reply(connection: Connection) -> None:
        nonlocal count
        try:
            await forever(connection)
        finally:
            count += 1

    qwen.replies[:] = [reply]
    return lambda: count


async def test_an_event_arrives_when_it_is_said(app: App, ended: Callable[[], int]) -> None:
    await app.send(request(body=STREAMED))
    assert (await app.head()).headers["content-type"].startswith("text/event-stream")
    async with asyncio.timeout(1):
        while b'"one"' not in await app.chunk():
            pass
    assert ended() == 0


@pytest.mark.parametrize("choices", [1, 3])
async def test_an_app_that_leaves_cancels_all_of_its_calls(
    app: App, qwen: Upstream, ended: Callable[[], int], choices: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "qwenproxy.exchange")
    tool = {"type": "function", "function": {"name": "look"}}  # with tools, each choice is a call of its own
    await app.send(request(body=STREAMED | {"n": choices, "tools": [tool]}))
    await app.head()
    assert await until(lambda: len(qwen.asked) == choices)
    app.writer.close()
    assert await until(lambda: ended() == choices)
    assert await until(lambda: "POST chat 499" in caplog.text)


async def test_a_stream_of_http2_that_is_reset_cancels_its_own_call_only(
    running: Running, confdir: Path, ended: Callable[[], int]
) -> None:
    async with over_http2(running, confdir) as app:
        first, second = await app.send(STREAMED), await app.send(STREAMED)
        await app.until(lambda: b'"one"' in first.body and b'"one"' in second.body)
        await app.reset(first)
        assert await until(lambda: ended() == 1)
        third = await app.send(STREAMED)
        await app.until(lambda: b'"one"' in third.body)
        assert (ended(), second.ended) == (1, False)


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    app: App, running: Running, confdir: Path, ended: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: exchange.StreamedBody) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(exchange.StreamedBody, "read", fail)
    assert (await app.ask(body=STREAMED)).broken
    async with over_http2(running, confdir) as other:
        assert (await other.ask(STREAMED)).broken


async def test_the_end_of_a_stream_waits_for_nothing_and_leaves_the_connection_in_use(
    app: App, qwen: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """The upstream's formal end may come a little after its last event."""
    caplog.set_level("INFO", "qwenproxy.exchange")
    go_on = asyncio.Event()

    async def late(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + event("one", "stop") + DONE)
        await go_on.wait()
        await connection.send(b"0\r\n\r\n")

    qwen.replies[:] = [late, whole(ANSWER)]
    assert (await app.ask(body=STREAMED)).body.endswith(b"data: [DONE]\n\n")
    go_on.set()
    assert await until(lambda: "POST chat 200" in caplog.text)
    assert (await app.ask(body=HELLO)).status == 200
    assert (len(qwen.asked), qwen.connections) == (2, 1)


@pytest.fixture
def alive(running: Running) -> Iterator[Callable[[], list[bool]]]:
    """Whether the flows that came are still there, without a garbage collector."""
    flows: list[ReferenceType[http.HTTPFlow]] = []
    running.master.addons.add(SimpleNamespace(request=lambda flow: flows.append(ref(flow))))
    gc.disable()
    yield lambda: [flow() is not None for flow in flows]
    gc.enable()


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (whole(ANSWER), HELLO),
        (STREAM_HEAD + event("one", "stop") + DONE + STREAM_END, STREAMED),
        (whole(ANSWER), padded(LIMIT + 1)),
    ],
    ids=["a whole answer", "a stream", "a refusal"],
)
async def test_no_exchange_is_left_to_the_garbage_collector(
    alive: Callable[[], list[bool]],
    running: Running,
    confdir: Path,
    qwen: Upstream,
    reply: Reply,
    body: object,
    http2: bool,
) -> None:
    """It comes hundreds of requests later, and each may have a body of 64 MiB."""
    qwen.replies[:] = [reply]
    async with over_http2(running, confdir) if http2 else connected(running.ports[0]) as app:
        assert (await app.ask(body=body)).body
        assert await until(lambda: alive() != [] and not any(alive()))


async def test_neither_is_one_whose_app_has_left(
    alive: Callable[[], list[bool]], app: App, ended: Callable[[], int]
) -> None:
    await app.send(request(body=STREAMED))
    await app.head()
    app.writer.close()
    assert await until(lambda: ended() == 1 and alive() == [False])


class Listener:
    """A foreign addon that hears of what mitmproxy's own do not want."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        assert "authorization" not in flow.request.headers
        self.heard.append("requestheaders")

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        self.heard.append("responseheaders")


async def test_a_hook_that_nobody_wanted_is_told_of_when_somebody_comes(app: App, running: Running) -> None:
    for _ in range(2):
        assert (await app.ask(body=HELLO)).status == 200
    running.master.addons.add(listener := Listener())
    assert (await app.ask(body=HELLO, authorization="Bearer sk-app")).status == 200
    assert listener.heard == ["requestheaders", "responseheaders"]


STREAM = live.LiveStream.__mro__[1]
"""mitmproxy's own, which `install` has put aside."""


def test_every_overridden_method_is_checked() -> None:
    ours = {name for name, value in vars(live.LiveStream).items() if inspect.isfunction(value)}
    assert ours & set(dir(STREAM)) <= set(fit.SIGNATURES)


def test_the_door_is_closed_once_and_stays_closed() -> None:
    live.install()
    live.install()
    assert layers.HttpStream is live.LiveStream
    assert STREAM is not live.LiveStream


def own_address() -> str:
    """An address of this machine that is not the loopback's; "" if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return "" if address.startswith("127.") else address


@pytest.mark.skipif(not own_address(), reason="this machine has no address but the loopback's")
async def test_a_neighbour_gets_openais_hosts_and_no_others(qwen: Upstream, confdir: Path) -> None:
    environ = {
        "QWENPROXY_UPSTREAM": qwen.base_url,
        "QWENPROXY_AUTH": "none",
        "QWENPROXY_ALLOW_REMOTE": "true",
        "QWENPROXY_CLIENT_KEYS": "sk-client",
    }
    authority(confdir)
    async with upstream(whole(b"intranet")) as other, proxy(environ, confdir, modes=("regular@0.0.0.0:",)) as running:
        for address, statuses in ((own_address(), (403, 403, 200)), ("127.0.0.1", (200, 200, 200))):
            target = f"127.0.0.1:{other.port}"
            found = []
            for line in (f"CONNECT {target}", f"GET http://{target}/", "CONNECT api.openai.com:443"):
                reader, writer = await asyncio.open_connection(address, running.ports[0])
                writer.write(f"{line} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
                found.append(int((await reader.readline()).split()[1]))
                writer.close()
            assert tuple(found) == statuses
        assert len(other.asked) == 1
