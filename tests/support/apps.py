"""Apps: the official client as it comes, and the stages on which one meets the proxy and an upstream."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageFunctionToolCall

from qwenproxy.simulator.doors import COMPATIBLE
from qwenproxy.simulator.server import Simulator
from qwenproxy.wire.openai import Json
from tests.support.proxy import REVERSE, Running, proxy
from tests.support.upstream import Reply, Upstream, upstream

WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
IN_TWO_CITIES = "What is the weather in Riga and Oslo?"
RIGA, OSLO = '{"city": "Riga"}', '{"city": "Oslo"}'


class App(AsyncOpenAI):
    """openai-python, which validates every answer strictly; it does not wait between tries, but notes how long."""

    def __init__(self, base_url: str, *, api_key: str = "fake-api-key", max_retries: int = 0) -> None:
        super().__init__(base_url=base_url, api_key=api_key, max_retries=max_retries, _strict_response_validation=True)
        self.waits: list[float] = []

    def _calculate_retry_timeout(self, *arguments: Any, **more: Any) -> float:
        self.waits.append(super()._calculate_retry_timeout(*arguments, **more))
        return 0.0

    async def ask(self, said: str | Sequence[Any] = "Hello", model: str = "gpt-4o", **fields: Any) -> ChatCompletion:
        """A whole answer to one user message, or to a list of messages."""
        answer: ChatCompletion = await self.chat.completions.create(messages=messages(said), model=model, **fields)
        return answer

    async def stream(
        self, said: str | Sequence[Any] = "Hello", model: str = "gpt-4o", **fields: Any
    ) -> AsyncStream[ChatCompletionChunk]:
        """The same as a stream."""
        answer: AsyncStream[ChatCompletionChunk] = await self.chat.completions.create(
            messages=messages(said), model=model, stream=True, **fields
        )
        return answer


def messages(said: str | Sequence[Any]) -> Any:
    return [{"role": "user", "content": said}] if isinstance(said, str) else list(said)


async def text_of(stream: AsyncStream[ChatCompletionChunk]) -> str:
    """All that the first choice of a stream says."""
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


def calls_of(answer: ChatCompletion) -> list[tuple[str, str]]:
    """The functions that an answer calls: name and arguments."""
    calls = answer.choices[0].message.tool_calls or []
    functions = [call.function for call in calls if isinstance(call, ChatCompletionMessageFunctionToolCall)]
    return [(function.name, function.arguments) for function in functions]


@dataclass
class Stage:
    """An app before a proxy."""

    app: App
    proxy: Running


@dataclass
class Simulated(Stage):
    """Behind the proxy there is the simulator."""

    simulator: Simulator

    def asked(self) -> list[Any]:
        """The bodies of the requests that the upstream has got since the last time."""
        bodies = [asked.body for asked in self.simulator.requests]
        self.simulator.requests.clear()
        return bodies


@dataclass
class Scripted(Stage):
    """Behind the proxy there is an upstream that says what it was told to say."""

    upstream: Upstream


@asynccontextmanager
async def simulated(
    confdir: Path, *, modes: tuple[str, ...] = (REVERSE,), face: str = COMPATIBLE, **settings: str
) -> AsyncIterator[Simulated]:
    """The proxy before a simulator that does not pause; *settings* as in the environment, without their prefix.

    *face*: the path of the upstream's base URL.
    """
    simulator = Simulator(pace=0)
    await simulator.start()
    try:
        environ = environment(f"{simulator.base_url}{face}", simulator.key, settings)
        async with proxy(environ, confdir, modes=modes) as running, App(running.base_url) as app:
            yield Simulated(app, running, simulator)
    finally:
        await simulator.stop()


@asynccontextmanager
async def scripted(confdir: Path, *replies: Reply, max_retries: int = 0, **settings: str) -> AsyncIterator[Scripted]:
    """The proxy before an upstream of DashScope's kind with these replies."""
    async with upstream(*replies) as found:
        environ = environment(f"http://127.0.0.1:{found.port}{COMPATIBLE}", "sk-upstream", settings)
        async with proxy(environ, confdir) as running, App(running.base_url, max_retries=max_retries) as app:
            yield Scripted(app, running, found)


def environment(base_url: str, key: str, settings: dict[str, str]) -> dict[str, str]:
    """The environment that means *settings*, and an upstream."""
    named = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
    return {"QWENPROXY_UPSTREAM": base_url, "QWENPROXY_API_KEY": key, "QWENPROXY_STATE": "memory"} | named
