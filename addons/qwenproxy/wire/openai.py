"""OpenAI's chat completion: the request an app sends, and the neutral core that endpoints and dialects share.

The core stays JSON (dicts under OpenAI's own names), checked once where it enters; a streamed answer is a list of the
three kinds of `ChatEvent`.  Source: the `openai` package's types and OpenAI's OpenAPI document.
"""

from typing import Any, NamedTuple

from qwenproxy.errors import ProxyError

type Json = dict[str, Any]


class Head(NamedTuple):
    """What an answer cannot know by itself: its id, its model's name as the app asked for it, its time (Unix s)."""

    id: str
    model: str
    created: int


class Delta(NamedTuple):
    """One piece of one choice: OpenAI's `choices[]` entry of a chunk.

    `choice` is its index; `delta` holds only what is new: `role`, `content`, `refusal`, `reasoning_content`, `tool_calls`.
    """

    choice: int
    delta: Json
    finish_reason: str | None = None
    logprobs: Json | None = None


class Usage(NamedTuple):
    """The totals of an answer, in OpenAI's `usage` shape; comes at most once, after every finish."""

    usage: Json


type ChatEvent = Delta | Usage | ProxyError
"""What a dialect makes of an upstream answer, whole or streamed.

Order kept by every dialect: for each choice a first delta with the role, then pieces, then exactly one delta with a
`finish_reason`; then at most one `Usage`; then the end.  Or, at any place, one `ProxyError`, and nothing after it.
Tool calls in deltas: `id`, `type` and `function.name` once, in the first delta of an index; indexes dense from 0.
"""
