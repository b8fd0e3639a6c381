"""LangChain's ChatOpenAI: whole, streamed, and with a tool whose answer goes back.  Prints as JSON what it got.

Given the word `responses` it speaks that API.
"""

import json
import sys
from importlib.metadata import version
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"12 degrees in {city}"


def with_tool(model: Any) -> str:
    tool: Any = StructuredTool.from_function(get_weather)
    bound = model.bind_tools([tool])
    messages: list[Any] = [HumanMessage("What is the weather in Riga?")]
    messages.append(bound.invoke(messages))
    messages.extend(tool.invoke(call) for call in messages[-1].tool_calls)
    return str(bound.invoke(messages).text)


def main() -> None:
    model: Any = ChatOpenAI(model="gpt-4o", use_responses_api="responses" in sys.argv)
    found = {
        "version": version("langchain-openai"),
        "plain": model.invoke("Hello").text,
        "streamed": "".join(chunk.text for chunk in model.stream("Hello")),
        "tools": with_tool(model),
    }
    json.dump(found, sys.stdout)


main()
