"""A stand-in for the host that an app means to reach: it answers whoever comes, and remembers every byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 8\r\n\r\noriginal"


@dataclass
class Original:
    """*received*: what came, connection by connection; for TLS, what was in it."""

    port: int = 0
    received: list[bytearray] = field(default_factory=list)

    @property
    def text(self) -> bytes:
        return b"\n".join(self.received)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = bytearray()
        self.received.append(received)
        try:
            while piece := await reader.read(65536):
                received += piece
                if received.endswith((b"\r\n\r\n", b"}")):
                    writer.write(ANSWER)
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def original(tls: ssl.SSLContext | None = None) -> AsyncIterator[Original]:
    """A stand-in on a free port of loopback, with TLS if *tls* is given."""
    found = Original()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        server.close_clients()
