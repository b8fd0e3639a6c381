"""openai-agents, which speaks Responses and traces by default: whole, streamed, and with a tool that it calls itself.

Prints as JSON what it got.  Raises RuntimeError if its traces are not taken.
"""

import asyncio
import json
import logging
import sys
from importlib.metadata import version
from typing import Any

from agents import Agent, Runner, function_tool
from agents.tracing import get_trace_provider

MODEL = "gpt-4o"
LOG = logging.getLogger("openai.agents")


class Complaints(logging.Handler):
    """What the package complains of: among it traces that could not be sent, which it only logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"12 degrees in {city}"


async def streamed(agent: Any) -> str:
    events = Runner.run_streamed(agent, "Hello").stream_events()
    raw = [event.data async for event in events if event.type == "raw_response_event"]
    return "".join(event.delta for event in raw if event.type == "response.output_text.delta")


async def main() -> None:
    LOG.addHandler(complaints := Complaints())
    agent: Any = Agent(name="assistant", model=MODEL)
    armed: Any = Agent(name="armed", model=MODEL, tools=[function_tool(get_weather)])
    found = {
        "version": version("openai-agents"),
        "plain": (await Runner.run(agent, "Hello")).final_output,
        "streamed": await streamed(agent),
        "tools": (await Runner.run(armed, "What is the weather in Riga?")).final_output,
    }
    get_trace_provider().shutdown()
    if complaints.said:
        raise RuntimeError("; ".join(complaints.said))
    json.dump(found, sys.stdout)


asyncio.run(main())
