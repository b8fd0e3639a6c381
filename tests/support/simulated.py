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
from qwenproxy.models import row_of
from qwenproxy.simulator.doors import COMPATIBLE, NATIVE
from qwenproxy.simulator.server import Simulator
from qwenproxy.wire.openai import Json

NATIVE_CHAT = f"{NATIVE}/services/aigc/{{}}-generation/generation"

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


class NativeAnswer(Answer):
    """The same of the native face: what its frames say, in the words of the OpenAI-like one's chunks."""

    @property
    def error(self) -> Json:
        error: Json = self.json
        return error

    @property
    def frames(self) -> list[Json]:
        """The frames as they came."""
        return [orjson.loads(payload) for payload in self.payloads]

    @cached_property
    def chunks(self) -> list[Json]:
        return [_chunk(frame) for frame in self.frames]

    @property
    def finishes(self) -> list[str]:
        return [finish for finish in super().finishes if finish != "null"]

    @property
    def done(self) -> bool:
        """Nothing comes after the finish."""
        return not self.broken and self.choices[-1]["finish_reason"] not in (None, "null")


def _chunk(frame: Json) -> Json:
    if "code" in frame:
        return {"error": frame}
    return {"choices": [_choice(choice) for choice in frame["output"]["choices"]], "usage": frame.get("usage")}


def _choice(choice: Json) -> Json:
    content = choice["message"]["content"]
    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
    return {**choice, "delta": {**choice["message"], "content": text}}


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

    async def native(self, said: str | Sequence[Json], *, stream: bool = False, **fields: Any) -> NativeAnswer:
        """Asks the native face in increments, at the address that fits the model.  *fields* are parameters."""
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
        model = str(fields.pop("model", MODEL))
        given = {"result_format": "message", "incremental_output": True, **fields}
        body = {"model": model, "input": {"messages": messages}, "parameters": given}
        path = NATIVE_CHAT.format("multimodal" if row_of(model.partition("#")[0]).multimodal else "text")
        answer = await self.send("POST", path, body, headers={"X-DashScope-SSE": "enable" if stream else "disable"})
        return NativeAnswer(answer.status, answer.headers, answer.body, answer.broken, answer.pieces)

    async def send(
        self, method: str, path: str, body: Any = None, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Sends *body*, bytes as they are, all else as JSON."""
        raw = body if isinstance(body, bytes | None) else orjson.dumps(body)
        data = None if raw is None else BytesIO(raw)
        token = {"Authorization": f"Bearer {self._simulator.key if key is None else key}"}
        url = self._simulator.base_url + path
        async with self._session.request(method, url, data=data, headers={**token, **(headers or {})}) as response:
            pieces: list[bytes] = []
            try:
                async for piece, _ in response.content.iter_chunks():
                    pieces.append(piece)
            except aiohttp.ClientError:
                return Answer(response.status, response.headers, b"".join(pieces), True, pieces)
            return Answer(response.status, response.headers, b"".join(pieces), False, pieces)


async def until(fits: Callable[[], bool]) -> bool:
    """Waits, five seconds at most, for what another task brings about; whether it came."""
    for _ in range(500):
        if fits():
            return True
        await asyncio.sleep(0.01)
    return False


def png(width: int, height: int) -> str:
    """The data URL of a picture of that size (its header, which is all that is looked at)."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return "data:image/png;base64," + base64.b64encode(header).decode()
