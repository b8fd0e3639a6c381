"""An app that knows only api.openai.com.  Prints what it got as JSON: whole, streamed, a call, a retry, an error."""

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


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


def error_of(client: openai.OpenAI) -> list[object]:
    try:
        client.chat.completions.create(model=MODEL, messages=said("[sim: error data_inspection_failed]"))
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]
    return []


def main() -> None:
    client = openai.OpenAI(api_key="sk-hardcoded-in-the-app")
    chat: Any = client.chat.completions
    whole = chat.create(model=MODEL, messages=said("Hello"))
    stream = chat.create(model=MODEL, messages=said("Hello"), stream=True)
    called = chat.create(model=MODEL, messages=said("What is the weather in Riga?"), tools=[TOOL])
    (call,) = called.choices[0].message.tool_calls
    retried = chat.create(model=MODEL, messages=said("Hello again [sim: error internal_error once]"))
    found = {
        "client": openai.VERSION,
        "address": str(client.base_url),
        "whole": whole.choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in stream),
        "call": [call.function.name, call.function.arguments],
        "retried": retried.choices[0].finish_reason,
        "error": error_of(client),
    }
    json.dump(found, sys.stdout)


main()
