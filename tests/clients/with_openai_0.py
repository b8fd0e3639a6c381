"""openai-python 0.28, which speaks by requests: whole, streamed, and with a function.  Prints as JSON what it got."""

import json
import sys
from typing import Any

import openai

sdk: Any = openai  # as it was then
MODEL = "gpt-4o"
FUNCTION = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def get_weather(city: str) -> str:
    return f"12 degrees in {city}"


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def with_function() -> str:
    messages = said("What is the weather in Riga?")
    asked = sdk.ChatCompletion.create(model=MODEL, messages=messages, functions=[FUNCTION])
    message = asked.choices[0].message
    call = message.function_call
    result = {"role": "function", "name": call.name, "content": get_weather(**json.loads(call.arguments))}
    answer = sdk.ChatCompletion.create(model=MODEL, messages=[*messages, message, result], functions=[FUNCTION])
    return str(answer.choices[0].message.content)


def main() -> None:
    stream = sdk.ChatCompletion.create(model=MODEL, messages=said("Hello"), stream=True)
    found = {
        "version": sdk.VERSION,
        "plain": sdk.ChatCompletion.create(model=MODEL, messages=said("Hello")).choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.get("content") or "" for chunk in stream),
        "tools": with_function(),
    }
    json.dump(found, sys.stdout)


main()
