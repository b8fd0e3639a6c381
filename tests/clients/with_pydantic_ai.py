"""pydantic-ai's agent: whole, streamed, and with a tool that it calls itself.  Prints as JSON what it got.

The model is given: `openai-chat:gpt-4o`, or `openai-responses:gpt-4o`.
"""

import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

from pydantic_ai import Agent

MODEL = sys.argv[1]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"12 degrees in {city}"


async def streamed(agent: Any) -> str:
    async with agent.run_stream("Hello") as answer:
        return "".join([piece async for piece in answer.stream_text(delta=True)])


async def main() -> None:
    agent: Any = Agent(MODEL)
    armed: Any = Agent(MODEL, tools=[get_weather])
    found = {
        "version": version("pydantic-ai-slim"),
        "plain": (await agent.run("Hello")).output,
        "streamed": await streamed(agent),
        "tools": (await armed.run("What is the weather in Riga?")).output,
    }
    json.dump(found, sys.stdout)


asyncio.run(main())
