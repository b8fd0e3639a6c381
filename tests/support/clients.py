"""Apps, byte for byte: HTTP/1.1 and HTTP/2 over a connection that the test holds in its hands."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import orjson

PATIENCE = 10.0  # s until an answer must have come
CHAT = "/v1/chat/completions"
HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Reply:
    """An answer.  *broken*: the connection, or the stream, ended before it did."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: bool = False

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> tuple[int, str | None]:
        """The status, and OpenAI's code in the body."""
        return self.status, self.json["error"]["code"]


def request(
    method: str = "POST", path: str = CHAT, body: Any = None, *, chunked: bool = False, **headers: str
) -> bytes:
    """A request in HTTP/1.1; *body* is bytes, or becomes JSON."""
    data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    fields = {"host": "api.openai.com"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if chunked:
        fields["transfer-encoding"] = "chunked"
        data = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts(data, 4096)) + b"0\r\n\r\n"
    elif "content-length" not in fields and method == "POST":
        fields["content-length"] = str(len(data))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def parts(data: bytes, size: int) -> Sequence[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@dataclass
class App:
    """A client's end of one HTTP/1.1 connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    patience: float = PATIENCE

    async def ask(self, *args: Any, **kwargs: Any) -> Reply:
        """Send `request(...)` and read the answer."""
        await self.send(request(*args, **kwargs))
        return await self.reply()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Reply:
        """An answer without its body.  Raises IncompleteReadError if the connection ends first."""
        async with asyncio.timeout(self.patience):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines if line)
        return Reply(int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}, b"")

    async def reply(self) -> Reply:
        """A whole answer, but for those that say "100 Continue"."""
        found = await self.head()
        while found.status == 100:
            found = await self.head()
        try:
            async with asyncio.timeout(self.patience):
                found.body = await self._body(found.headers)
        except asyncio.IncompleteReadError as e:
            found.body, found.broken = e.partial, True
        return found

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while chunk := await self.chunk(body):
                body += chunk
            return body
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        return b""

    async def chunk(self, before: bytes = b"") -> bytes:
        """The next chunk of a body; b"" is its end.  Raises IncompleteReadError, with *before*."""
        try:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2]
        except asyncio.IncompleteReadError as e:
            raise asyncio.IncompleteReadError(before + e.partial, None) from e

    async def ended(self) -> bool:
        """Whether the proxy closes the connection, after whatever it still sends."""
        try:
            async with asyncio.timeout(self.patience):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[App]:
    """A connection to *port* on loopback."""
    app = App(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))
    try:
        yield app
    finally:
        app.writer.close()


@asynccontextmanager
async def tunnelled(
    port: int, target: str, tls: ssl.SSLContext | None = None, name: str = "api.openai.com"
) -> AsyncIterator[App]:
    """A connection through the proxy at *port* to *target* (`host:port`), with TLS for *name* if *tls* is given."""
    async with connected(port) as app:
        await app.send(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n".encode())
        assert (await app.head()).status == 200
        if tls is not None:
            await app.writer.start_tls(tls, server_hostname=name)
        yield app


def trusting(authority: Path, *alpn: str) -> ssl.SSLContext:
    """TLS for a client that trusts *authority* and nobody else."""
    context = ssl.create_default_context(cafile=str(authority))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@dataclass
class Stream:
    """One request over HTTP/2, and what has come of its answer."""

    id: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    broken: bool = False


class App2:
    """A client's end of one HTTP/2 connection.  With *greedy* it reads all that comes; else only as much as it asks."""

    def __init__(self, app: App, *, greedy: bool = True) -> None:
        self._app = app
        self._greedy = greedy
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._streams: dict[int, Stream] = {}
        self.told_to_go = False
        """The proxy wants no more streams on this connection."""
        self._http.initiate_connection()

    async def ask(self, body: Any, path: str = CHAT, **headers: str) -> Reply:
        """Send a request and read the answer to its end."""
        stream = await self.send(body, path, **headers)
        await self.until(lambda: stream.ended)
        return Reply(int(stream.headers[":status"]), stream.headers, bytes(stream.body), stream.broken)

    async def send(self, body: Any, path: str = CHAT, **headers: str) -> Stream:
        stream = await self.begin(body, path, **headers)
        self._http.end_stream(stream.id)
        await self._flush()
        return stream

    async def begin(self, body: Any, path: str = CHAT, **headers: str) -> Stream:
        """Send a request, but for its end."""
        stream = Stream(self._http.get_next_available_stream_id())
        self._streams[stream.id] = stream
        pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", "api.openai.com"), (":path", path)]
        self._http.send_headers(stream.id, pseudo + [(name.replace("_", "-"), v) for name, v in headers.items()])
        for part in parts(body if isinstance(body, bytes) else orjson.dumps(body), 16_000):
            self._http.send_data(stream.id, part)
        await self._flush()
        return stream

    @property
    def extended_connect(self) -> int:
        """What the server has said of CONNECT with a protocol (RFC 8441): 1 if it takes it."""
        return self._http.remote_settings.enable_connect_protocol

    async def reset(self, stream: Stream) -> None:
        """Give one stream up; the connection stays."""
        self._http.reset_stream(stream.id, 8)
        await self._flush()

    async def until(self, fits: Any) -> None:
        """Read until *fits()*.  Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not fits():
                data = await self._app.reader.read(65536)
                assert data, "the connection was closed"
                for event in self._http.receive_data(data):
                    self._take(event)
                await self._flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ConnectionTerminated(error_code=0):
                self.told_to_go = True
            case h2.events.ResponseReceived():
                self._streams[event.stream_id].headers |= {
                    name.decode(): value.decode() for name, value in event.headers
                }
            case h2.events.DataReceived():
                self._streams[event.stream_id].body += event.data
                if self._greedy:
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self._streams[event.stream_id].ended = True
            case h2.events.StreamReset():
                stream = self._streams[event.stream_id]
                stream.ended = stream.broken = True

    async def _flush(self) -> None:
        await self._app.send(self._http.data_to_send())
