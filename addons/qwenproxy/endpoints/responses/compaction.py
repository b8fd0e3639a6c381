"""A conversation that the model sums up, and the summary as an item that stands for it: sealed, and opened again.

Source: the `openai` package's `responses.compact`, `ContextManagement` and `CompactionTrigger` (3.57).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from qwenproxy.endpoints.responses.draft import Seal
from qwenproxy.endpoints.validation import parse
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_VALUE, UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import Json
from qwenproxy.wire.responses import kind_of

WHAT = "compaction"
"""The kind of item, and what it is sealed as."""
TRIGGER = "compaction_trigger"
FULL = 0.8
"""Of a model's context, how much a conversation may fill before it is compacted, if the app does not say."""

UNDONE = ProxyError(UPSTREAM_CUT, "The conversation could not be compacted: the model's summary is not whole.")

REQUEST = (
    "The conversation up to here is about to be replaced by a summary. Write that summary now, and nothing else: no "
    "greeting, no call of a tool. Another assistant will go on from it alone, so keep all that it needs: what the user "
    "wants and has decided, what was done and found, names, paths, numbers, identifiers and code that matter word for "
    "word, what is open, and what was about to happen next."
)
"""What the model is told, as the user's last message."""
PREFACE = "Summary of the conversation so far, whose messages are not repeated here:\n\n"
ASIDE = frozenset({"system", "developer"})
"""Whose messages are rules, which no summary replaces."""
KEPT = ("model", "messages", "reasoning_effort", "service_tier", "safety_identifier", "user")
"""Fields of the chat request that go for the summary as well."""


class Stand(NamedTuple):
    """What a compaction stands for: *messages* of a chat, in the place of all before it.

    *users*: but for the users' own messages, which still count.
    """

    messages: Sequence[Json]
    users: bool


def seal(stand: Stand, by: Seal) -> str:
    return by.close(WHAT, orjson.dumps(stand._asdict()).decode())


def opened(item: Json, by: Seal | None, at: str) -> Stand:
    """What *item* stands for, which is at the place *at*.  Raises ProxyError if it cannot be read."""
    sealed = item.get("encrypted_content")
    text = by.open(WHAT, sealed) if by is not None and isinstance(sealed, str) else None
    if text is None:
        message = (
            f"'{at}' is a compacted conversation that cannot be read here: another server has made it, or this proxy "
            "for another API key or with a key that it has no more, or it was changed on the way. Send the "
            "conversation itself."
        )
        raise ProxyError(UNSUPPORTED_VALUE, message, param=f"{at}.encrypted_content")
    return Stand(**orjson.loads(text))


def last(items: Sequence[Json]) -> int | None:
    """The place of the last compaction among *items*."""
    return next((place for place in reversed(range(len(items))) if kind_of(items[place]) == WHAT), None)


def counts(item: Json, stand: Stand) -> bool:
    """Whether *item*, which comes before a compaction, counts all the same."""
    if kind_of(item) in ("additional_tools", "configuration_update"):
        return True
    role = item.get("role") if kind_of(item) == "message" else None
    return role in ASIDE or (stand.users and role == "user")


def triggered(asked: Json) -> bool:
    """Whether *asked* wants nothing but a compaction.  Raises ProxyError for a trigger in mid-input."""
    items = asked["input"] if isinstance(asked["input"], list) else ()
    places = [place for place, item in enumerate(items) if kind_of(item) == TRIGGER]
    if places and places != [len(items) - 1]:
        message = f"'input[{places[0]}]' is a {TRIGGER}, which must be the last item."
        raise ProxyError(INVALID_VALUE, message, param=f"input[{places[0]}]")
    return bool(places)


def compactable(chat: Json) -> bool:
    """Whether anything may be summed up in *chat*."""
    return any(message["role"] not in ASIDE for message in parted(chat["messages"])[0])


def threshold(asked: Json, context: int) -> int | None:
    """The tokens beyond which *asked* wants its conversation compacted; None: never.

    *context*: the tokens that its model takes.
    """
    entries = [entry for entry in asked.get("context_management") or () if entry["type"] == WHAT]
    if not entries:
        return None
    given = entries[-1].get("compact_threshold")
    return int(context * FULL) if given is None else given


def request(chat: Json, messages: Sequence[Json]) -> Json:
    """The chat that asks for a summary of *messages*, which are of *chat*.  Raises ProxyError if there are none."""
    if all(message["role"] in ASIDE for message in messages):
        raise ProxyError(INVALID_VALUE, "'input' holds no conversation that could be compacted.", param="input")
    kept = {name: chat[name] for name in KEPT if name in chat}
    return kept | {"messages": [*messages, {"role": "user", "content": REQUEST}]}


def parted(messages: Sequence[Json]) -> tuple[list[Json], list[Json]]:
    """*messages* as what may be summed up, and the end that is to be answered word for word.

    That is what came after the last answer; if it holds results of calls, that answer too.
    """
    place = len(messages)
    while place and messages[place - 1]["role"] != "assistant":
        place -= 1
    if any(message["role"] == "tool" for message in messages[place:]):
        place -= 1
    return list(messages[:place]), list(messages[place:])


def leading(chat: Json) -> Json:
    """The chat that asks for a summary of what may be summed up in *chat*.  Raises ProxyError if nothing may."""
    return request(chat, parted(chat["messages"])[0])


def compacted(chat: Json, text: str) -> tuple[Json, Stand]:
    """*chat* with the summary *text* for what may be summed up, and what the app gets to carry instead of it all."""
    rules = [message for message in chat["messages"] if message["role"] in ASIDE]
    _, end = parted(chat["messages"])
    stand = Stand([summary(text), *(message for message in end if message["role"] not in ASIDE)], users=False)
    return chat | {"messages": [*rules, *stand.messages]}, stand


def summary(text: str) -> Json:
    """The message for a summary."""
    return {"role": "user", "content": PREFACE + text}


def read(body: bytes) -> Any:
    """The body of a call for a compaction, with what it may leave out and a response may not.  Raises ProxyError."""
    asked = parse(body)
    if not isinstance(asked, dict):
        return asked
    given = {name: value for name, value in asked.items() if value is not None}
    return {"input": []} | given | {"store": False, "background": None, "stream": None, "context_management": None}


def users(items: Sequence[Json]) -> list[Json]:
    """The users' messages among *items*."""
    return [item for item in items if kind_of(item) == "message" and item["role"] == "user"]


def told(response: Json, users: Sequence[Json]) -> Json:
    """The object for a conversation that *response* has compacted; *users*: the users' messages in it, as items."""
    return {
        "id": response["id"],
        "object": "response.compaction",
        "created_at": response["created_at"],
        "output": [*users, *response["output"]],
        "usage": response["usage"],
    }
