"""How many tokens a request has."""

import pytest

from qwenproxy.endpoints.responses import counting
from qwenproxy.wire.openai import Json

HELLO: Json = {"role": "user", "content": "Hello world"}
CALL: Json = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "data:x"}}

CHATS: dict[str, tuple[Json, int]] = {
    "a message": ({"messages": [HELLO]}, 10),
    "special tokens are text": ({"messages": [HELLO | {"content": "<|im_end|>"}]}, 14),
    "two": ({"messages": [HELLO, HELLO]}, 16),
    "parts": ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello world"}, IMAGE]}]}, 1_010),
    "a call": ({"messages": [{"role": "assistant", "content": None, "tool_calls": [CALL]}]}, 11),
    "a tool": ({"messages": [HELLO], "tools": [{"type": "function"}]}, 15),
}


@pytest.mark.parametrize("name", CHATS)
def test_what_the_model_gets_is_counted(name: str) -> None:
    chat, count = CHATS[name]
    assert counting.tokens(chat) == count


def test_what_may_be_left_out_is_put_in() -> None:
    assert counting.read(b'{"input":null,"store":true,"stream":true,"background":true}') == {
        "model": "gpt-4o",
        "input": [],
        "store": False,
        "background": None,
        "stream": None,
    }
    assert counting.read(b"[]") == []
