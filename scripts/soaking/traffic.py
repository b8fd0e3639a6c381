"""The upstream and the apps, in one process: asyncio and nothing else."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from scripts.benchmark.http1 import MessageReader
from scripts.soaking.kinds import NAME, answer, fault, kind_of, name

PATIENCE = 60.0
"""Seconds in which an answer must have come."""
APP_KEY = "sk-app-SOAK-PRIVATE"
MOST_FAULTS = 200
"""Faults after which no more is asked."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of the proxy to the upstream."""
    message = MessageReader(until_close=False)
    try:
        while data := await reader.read(65536):
            message.feed(data)
            while message.ended:
                path = message.start.split(b" ")[1].decode()
                status, kind, body = answer(path, message.body)
                head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                message.advance()
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@dataclass
class Tally:
    """What has come of the exchanges so far."""

    answered: Counter[str] = field(default_factory=Counter)
    """Exchanges that came to what they had to, by their kind."""
    faults: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.answered.total() + len(self.faults)


class App:
    """Asks one request after the other over one connection, or a new one where that has ended."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port = port
        self._tally = tally
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def work(self, numbers: Iterator[int]) -> None:
        """Ask the requests of *numbers*, which other apps take from too."""
        for number in numbers:
            if len(self._tally.faults) >= MOST_FAULTS:
                break
            kind = kind_of(number)
            try:
                async with asyncio.timeout(PATIENCE):
                    found = await self._ask(number)
            except (TimeoutError, ConnectionError, ValueError) as e:
                found = f"lost: {type(e).__name__} {e}"
            if found:
                self._tally.faults.append(f"{number} ({kind.title}): {found}")
                self.leave()
            else:
                self._tally.answered[kind.title] += 1
        self.leave()

    def leave(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _ask(self, number: int) -> str:
        """Ask request *number*, and say what is wrong with its answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        kind = kind_of(number)
        body = orjson.dumps(kind.body(name(number)))
        head = (
            f"POST {kind.path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {APP_KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        message = MessageReader(until_close=True)
        while not message.ended:
            data = await self._reader.read(65536)
            if not data:
                raise ConnectionError("the connection was closed")
            message.feed(data)
            if kind.leaves and NAME.search(message.body):
                self.leave()
                break
        status = int(message.start.split(b" ")[1])
        return fault(number, status, message.body)
