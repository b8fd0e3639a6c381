"""Texts with a gap, sent to the call that fills it: the upstream's own legacy completions, where it has them.

Their answers are read as chat answers are: `text` stands for a message.  Source: vendor docs (completions API: models
qwen-coder-turbo and qwen2.5-coder, the prompt in the model's own words, in Beijing only), 2026-11-22.
"""

from collections.abc import Callable, Mapping

import orjson

from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

PATH = "/completions"

type Filler = Callable[[Json, str, bool], UpstreamRequest]
"""Makes the call of the ruled chat request, the prompt, and whether it is to be streamed."""


def compatible(chat: Json, prompt: str, stream: bool) -> UpstreamRequest:
    """The call of compatible mode."""
    body = {name: value for name, value in chat.items() if name != "messages"} | {"prompt": prompt, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return UpstreamRequest(PATH, {}, orjson.dumps(body), stream)


FILLERS: Mapping[str, Filler] = {"compatible": compatible}
"""The dialects that have such a call."""


def filler(dialect: str, row: Row) -> Filler | None:
    """What asks the model of *row* to fill a gap; None if it cannot be asked."""
    return FILLERS.get(dialect) if row.completions else None
