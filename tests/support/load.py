"""A mixed load of every kind of exchange, each counted by the app that makes it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from openai import APIError, APIStatusError

from qwenproxy.wire.openai import Json
from tests.support.apps import App

CODER = "qwen3-coder-plus"
TOOLS = "current_time,calculate"
"""The proxy's own tools that the load wants to be on."""


@dataclass
class Counted:
    """What the apps have seen."""

    ended: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Exchanges by endpoint, status and error."""
    tokens: Counter[str] = field(default_factory=Counter)
    """By kind, of answers that tell them."""
    tools: int = 0
    """Calls of the proxy's own tools that the prompts ask for."""

    def used(self, usage: Any) -> None:
        self.tokens["prompt"] += usage.prompt_tokens
        self.tokens["completion"] += getattr(usage, "completion_tokens", 0)


type Ask = Callable[[App, Counted], Awaitable[None]]


def ended(counted: Counted, endpoint: str, error: APIError | None = None, status: int = 200) -> None:
    if isinstance(error, APIStatusError):
        status = error.status_code
    code = "" if error is None else str(error.code or error.type)
    counted.ended[endpoint, str(status), code] += 1


async def whole(app: App, counted: Counted) -> None:
    answer = await app.ask("Hello")
    counted.used(answer.usage)
    ended(counted, "chat")


async def streamed(app: App, counted: Counted) -> None:
    async for piece in await app.stream("Hello", model=CODER, stream_options={"include_usage": True}):
        if piece.usage:
            counted.used(piece.usage)
    ended(counted, "chat")


async def tools(app: App, counted: Counted) -> None:
    answer = await app.ask("What time is it in Riga, and 17^23 mod 1000?", model=CODER)
    counted.used(answer.usage)
    counted.tools += 2
    ended(counted, "chat")


async def responses(app: App, counted: Counted) -> None:
    answer = await app.responses.create(model=CODER, input="Hello")
    assert answer.usage is not None
    counted.tokens["prompt"] += answer.usage.input_tokens
    counted.tokens["completion"] += answer.usage.output_tokens
    ended(counted, "responses")


async def embeddings(app: App, counted: Counted) -> None:
    answer = await app.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
    counted.used(answer.usage)
    ended(counted, "embeddings")


async def completions(app: App, counted: Counted) -> None:
    answer = await app.completions.create(model=CODER, prompt="Hello")
    counted.used(answer.usage)
    ended(counted, "completions")


async def models(app: App, counted: Counted) -> None:
    await app.models.list()
    ended(counted, "models")


async def refused(app: App, counted: Counted) -> None:
    try:
        await app.ask("Hello", temperature="hot")
    except APIError as e:
        ended(counted, "chat", e)


async def limited(app: App, counted: Counted) -> None:
    try:
        await app.ask("Hello [sim: error limit_requests]")
    except APIError as e:
        ended(counted, "chat", e)


async def cut(app: App, counted: Counted) -> None:
    """The upstream's stream breaks off: the app gets an error within its own."""
    try:
        async for _ in await app.stream("Hello [sim: cut]", model=CODER):
            pass
    except APIError as e:
        ended(counted, "chat", e, status=502)


async def reopened(app: App, counted: Counted) -> None:
    """An answer that says nothing is asked for again, and the app notices nothing."""
    try:
        await app.ask("Hello [sim: nothing]", model=CODER)
    except APIError as e:
        ended(counted, "chat", e)


async def unknown(app: App, counted: Counted) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{app.base_url}nowhere", json={}) as answer:
        error: Json = (await answer.json())["error"]
    counted.ended["-", str(answer.status), error["code"]] += 1


async def leaves(app: App, counted: Counted) -> None:
    """An app that has heard enough before the end."""
    stream = await app.stream("Hello [sim: stall]", model=CODER)
    await anext(aiter(stream))
    await stream.close()
    counted.ended["chat", "499", "client_closed"] += 1


KINDS: tuple[Ask, ...] = (
    *(whole, streamed, tools, responses, embeddings, completions, models),
    *(refused, limited, cut, reopened, unknown, leaves),
)


async def load(app: App, each: int, at_once: int = 8) -> Counted:
    """So many exchanges of each kind, some at once; what the apps have seen of them."""
    counted, room = Counted(), asyncio.Semaphore(at_once)

    async def one(ask: Ask) -> None:
        async with room:
            await ask(app, counted)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(each):
            for ask in KINDS:
                tasks.create_task(one(ask))
    return counted
