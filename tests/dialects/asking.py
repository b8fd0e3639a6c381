"""Small requests for the tests of the rulings."""

from typing import Any

from qwenproxy.dialects.draft import Ruled
from qwenproxy.dialects.rulings import rule
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

PLAIN = Row(thinking="never")
ABLE = Row(thinking="off")
AWAKE = Row(thinking="on")
RESTLESS = Row(thinking="always")


def ask(**fields: Any) -> Json:
    """A request with one user message and *fields*."""
    return {"model": "qwen-test", "messages": [{"role": "user", "content": "Hi"}], **fields}


def ruled(row: Row = PLAIN, *, refuse: bool = False, **fields: Any) -> Ruled:
    """What becomes of such a request."""
    return rule(ask(**fields), row, refuse=refuse)


def settled(row: Row = PLAIN, **fields: Any) -> Json:
    """The fields that go upstream, but for model and messages."""
    chat = ruled(row, **fields).chat
    return {name: value for name, value in chat.items() if name not in ("model", "messages")}


def function(name: str = "look", **more: Any) -> Json:
    """A function tool."""
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}, **more}}


def choice(name: str = "look") -> Json:
    """A `tool_choice` that names a function."""
    return {"type": "function", "function": {"name": name}}


def system_text(chat: Json) -> str:
    """What the system message says; "" if there is none."""
    first = chat["messages"][0]
    return str(first["content"]) if first["role"] == "system" else ""
