"""LiteLLM as a library: whole, streamed, and with a tool whose answer goes back.  Prints as JSON what it got."""

import json
import sys
from importlib.metadata import version
from typing import Any

import litellm

MODEL = "openai/gpt-4o"
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


def with_tool() -> str:
    messages = said("What is the weather in Riga?")
    message: Any = litellm.completion(model=MODEL, messages=messages, tools=[TOOL]).choices[0].message
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))}
    answer: Any = litellm.completion(model=MODEL, messages=[*messages, message, result], tools=[TOOL])
    return str(answer.choices[0].message.content)


def main() -> None:
    stream: Any = litellm.completion(model=MODEL, messages=said("Hello"), stream=True)
    found = {
        "version": version("litellm"),
        "plain": litellm.completion(model=MODEL, messages=said("Hello")).choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in stream),
        "tools": with_tool(),
    }
    json.dump(found, sys.stdout)


main()
