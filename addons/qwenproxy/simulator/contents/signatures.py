"""Thought signatures: what the model signs a call with, and wants to see again.

Of several calls at once the first has one.  A wrong one is always refused, a missing one on request only.
Source: ai.google.dev/gemini-api/docs/thought-signatures.
"""

import hashlib

import orjson

from qwenproxy.simulator.ask import dicts, name_of
from qwenproxy.simulator.contents.protojson import decoded, encoded
from qwenproxy.wire.openai import Json

FIELD = "thought_signature"
"""Where a call in the chat's history keeps its signature."""

SKIPS = [
    encoded(decoded(word)) for word in ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
]
"""Signatures that stand for those of calls which the model never made."""

CORRUPTED = "Corrupted thought signature."
MISSING = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "
    "and missing thought_signature may lead to degraded model performance. Additional data, function call "
    "`default_api:{name}` , position {position}. Please refer to "
    "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
)


def signature_of(name: str, arguments: Json) -> str:
    """The signature of a call: always the same for the same call."""
    told = orjson.dumps([name, arguments], option=orjson.OPT_SORT_KEYS)
    return encoded(b"\x12" + hashlib.sha256(told).digest() * 2)


def complaint(messages: list[Json], *, demanded: bool) -> str | None:
    """What is wrong with the signatures in a history; *demanded*: in the current turn each step must have one."""
    last = max((at for at, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    for at, message in enumerate(messages):
        for number, call in enumerate(dicts(message.get("tool_calls"))):
            if (signature := call.get(FIELD)) is None:
                if demanded and at > last and number == 0:
                    return MISSING.format(name=name_of(call), position=at + 1)
            elif not _fits(signature, call):
                return CORRUPTED
    return None


def _fits(signature: str, call: Json) -> bool:
    return signature in SKIPS or signature == signature_of(name_of(call), orjson.loads(call["function"]["arguments"]))
