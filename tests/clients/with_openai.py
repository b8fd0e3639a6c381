"""openai-python 2 and 3: whole, streamed, and with a tool whose answer goes back.  Prints as JSON what it got."""

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


def with_tool(chat: Any) -> str:
    messages = said("What is the weather in Riga?")
    message = chat.create(model=MODEL, messages=messages, tools=[TOOL]).choices[0].message
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))}
    answer = chat.create(model=MODEL, messages=[*messages, message, result], tools=[TOOL])
    return str(answer.choices[0].message.content)


def main() -> None:
    chat: Any = openai.OpenAI(base_url="https://api.openai.com/v1").chat.completions
    stream = chat.create(model=MODEL, messages=said("Hello"), stream=True)
    found = {
        "version": openai.VERSION,
        "plain": chat.create(model=MODEL, messages=said("Hello")).choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in stream),
        "tools": with_tool(chat),
    }
    json.dump(found, sys.stdout)


main()
