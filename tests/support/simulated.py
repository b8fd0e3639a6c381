"""Talks to the simulator as a client does, and reads what it says."""

import asyncio
import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import aiohttp
import orjson

from qwenproxy import sse
from qwenproxy.simulator.server import COMPATIBLE, Simulator
from qwenproxy.wire.openai import Json

MODEL = "qwen3-coder-plus"
"""A model that does not think and takes everything else."""

WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass(frozen=True)
class Answer:
    """What came back; *broken*: the connection ended before the answer did."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: bool = False
    pieces: Sequence[bytes] = ()

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "")

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> Json:
        error: Json = self.json["error"]
        return error

    @cached_property
    def payloads(self) -> list[bytes]:
        """The stream's events."""
        decoder = sse.Decoder()
        return decoder.feed(self.body) + decoder.feed(b"")

    @cached_property
    def chunks(self) -> list[Json]:
        return [orjson.loads(payload) for payload in self.payloads if payload != b"[DONE]"]

    @property
    def done(self) -> bool:
        return self.payloads[-1:] == [b"[DONE]"]

    @property
    def choices(self) -> list[Json]:
        return [choice for chunk in self.chunks for choice in chunk.get("choices", ())]

    @property
    def finishes(self) -> list[str]:
        return [choice["finish_reason"] for choice in self.choices if choice["finish_reason"] is not None]

    @property
    def usages(self) -> list[Json]:
        return [chunk["usage"] for chunk in self.chunks if chunk.get("usage")]

    def said(self, field: str = "content") -> list[str]:
        """The deltas of *field* that hold something."""
        return [choice["delta"][field] for choice in self.choices if choice["delta"].get(field)]

    @property
    def text(self) -> str:
        return "".join(self.said())

    @property
    def calls(self) -> list[Json]:
        """Every piece of every call, in order."""
        return [call for choice in self.choices for call in choice["delta"].get("tool_calls") or ()]

    def arguments(self, index: int = 0) -> str:
        """The arguments of one call, by its index."""
        return "".join(call["function"].get("arguments") or "" for call in self.calls if call["index"] == index)


class Client:
    """A client with a key, for one simulator."""

    def __init__(self, session: aiohttp.ClientSession, simulator: Simulator) -> None:
        self._session = session
        self._simulator = simulator

    async def chat(self, said: str | Sequence[Json], *, base: str = COMPATIBLE, **fields: Any) -> Answer:
        """Asks; a string is one user message.  Fields that are `...` are left out."""
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
        body = {"model": MODEL, "messages": messages, **fields}
        return await self.send("POST", f"{base}/chat/completions", {k: v for k, v in body.items() if v is not ...})

    async def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Sends *body*, bytes as they are, all else as JSON."""
        raw = body if isinstance(body, bytes | None) else orjson.dumps(body)
        data = None if raw is None else BytesIO(raw)
        headers = {"Authorization": f"Bearer {self._simulator.key if key is None else key}"}
        url = self._simulator.base_url + path
        async with self._session.request(method, url, data=data, headers=headers) as response:
            pieces: list[bytes] = []
            try:
                async for piece, _ in response.content.iter_chunks():
                    pieces.append(piece)
            except aiohttp.ClientError:
                return Answer(response.status, response.headers, b"".join(pieces), True, pieces)
            return Answer(response.status, response.headers, b"".join(pieces), False, pieces)


async def until(fits: Callable[[], bool]) -> bool:
    """Waits, a second at most, for what another task brings about; whether it came."""
    for _ in range(100):
        if fits():
            return True
        await asyncio.sleep(0.01)
    return False


def png(width: int, height: int) -> str:
    """The data URL of a picture of that size (its header, which is all that is looked at)."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return "data:image/png;base64," + base64.b64encode(header).decode()
