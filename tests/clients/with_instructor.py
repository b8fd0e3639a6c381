"""instructor: plain text, and objects made by a forced tool call, whole and streamed.  Prints as JSON what it got."""

import json
import sys
from importlib.metadata import version
from typing import Any

import instructor
import openai
from pydantic import BaseModel

MODEL = "gpt-4o"


class Place(BaseModel):
    """Where someone is."""

    city: str


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


def main() -> None:
    client: Any = instructor.from_openai(openai.OpenAI(base_url="https://api.openai.com/v1"))
    chat = client.chat.completions
    question = said("What is the weather in Riga?")
    partial = list(chat.create_partial(model=MODEL, messages=question, response_model=Place))
    found = {
        "version": version("instructor"),
        "plain": chat.create(model=MODEL, messages=said("Hello"), response_model=None).choices[0].message.content,
        "streamed": f"12 degrees in {partial[-1].city}",
        "tools": f"12 degrees in {chat.create(model=MODEL, messages=question, response_model=Place).city}",
    }
    json.dump(found, sys.stdout)


main()
