"""openai-python 3 over aiohttp: whole, streamed, and with a tool by its own runner.  Prints as JSON what it got."""

import asyncio
import json
import sys
from typing import Any

import openai

MODEL = "gpt-4o"
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def get_weather(city: str) -> str:
    return f"12 degrees in {city}"


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def with_tool(chat: Any) -> str:
    """The call comes as a stream."""
    messages = said("What is the weather in Riga?")
    async with chat.stream(model=MODEL, messages=messages, tools=[TOOL]) as stream:
        message = (await stream.get_final_completion()).choices[0].message
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))}
    answer = await chat.create(model=MODEL, messages=[*messages, message, result], tools=[TOOL])
    return str(answer.choices[0].message.content)


async def main() -> None:
    async with openai.AsyncOpenAI(
        base_url="https://api.openai.com/v1", http_client=openai.DefaultAioHttpClient()
    ) as client:
        chat: Any = client.chat.completions
        stream = await chat.create(model=MODEL, messages=said("Hello"), stream=True)
        found = {
            "version": openai.VERSION,
            "streamed": "".join([chunk.choices[0].delta.content or "" async for chunk in stream]),
            "plain": (await chat.create(model=MODEL, messages=said("Hello"))).choices[0].message.content,
            "tools": await with_tool(chat),
        }
    json.dump(found, sys.stdout)


asyncio.run(main())
