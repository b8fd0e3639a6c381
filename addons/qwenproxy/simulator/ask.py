"""One chat request as the simulator reads it: total on any JSON, however wrong; the checks say what is wrong."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

MARKER = re.compile(r"\[sim:[^\]]*\]\s*", re.IGNORECASE)


class Result(NamedTuple):
    """What a tool gave back."""

    name: str
    text: str


@dataclass(frozen=True)
class Ask:
    """A chat request, the row of its model, and the face it came to (*portal*: the login's own host)."""

    chat: Json
    row: Row
    portal: bool = False

    @cached_property
    def model(self) -> str:
        return str(self.chat.get("model"))

    @cached_property
    def messages(self) -> list[Json]:
        return dicts(self.chat.get("messages"))

    @cached_property
    def tools(self) -> list[Json]:
        """The functions that are offered, without their wrapping."""
        return [tool["function"] for tool in dicts(self.chat.get("tools")) if isinstance(tool.get("function"), dict)]

    @property
    def stream(self) -> bool:
        return self.chat.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        options = self.chat.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @cached_property
    def thinks(self) -> bool:
        """Whether the model thinks: by its row, and by what the request says (the first that says something)."""
        if self.row.thinking in ("never", "always"):
            return self.row.thinking == "always"
        said = (self._switch(), self._thinking(), self._effort(), self.row.thinking == "on")
        return next(word for word in said if word is not None)

    def _switch(self) -> bool | None:
        value = self.chat.get("enable_thinking")
        return value if isinstance(value, bool) else None

    def _thinking(self) -> bool | None:
        value = self.chat.get("thinking")
        kind = value.get("type") if isinstance(value, dict) else None
        return {"enabled": True, "disabled": False}.get(str(kind))

    def _effort(self) -> bool | None:
        value = self.chat.get("reasoning_effort")
        return value != "none" if isinstance(value, str) else None

    @cached_property
    def forced(self) -> str | None:
        """The name of the tool that must be called; "" for any; None if none must."""
        choice = self.chat.get("tool_choice")
        if isinstance(choice, dict):
            function = choice.get("function")
            return str(function.get("name")) if isinstance(function, dict) else ""
        return "" if choice == "required" else None

    @property
    def format(self) -> str:
        """The kind of answer that is wanted: text, json_object, json_schema."""
        wanted = self.chat.get("response_format")
        return str(wanted.get("type")) if isinstance(wanted, dict) else "text"

    @cached_property
    def said(self) -> str:
        """The text of the last user message, markers included."""
        users = [message for message in self.messages if message.get("role") == "user"]
        return text_of(users[-1].get("content")) if users else ""

    @cached_property
    def prompt(self) -> str:
        """The text of the last user message, without markers."""
        return MARKER.sub("", self.said).strip()

    @cached_property
    def results(self) -> list[Result]:
        """What tools gave back since the model last spoke."""
        last = max((i for i, m in enumerate(self.messages) if m.get("role") == "assistant"), default=-1)
        return self._results(self.messages[last + 1 :])

    @cached_property
    def findings(self) -> list[Result]:
        """What tools gave back since the user last spoke, in however many rounds."""
        return self._results(self._turn)

    @cached_property
    def calls_since(self) -> list[Json]:
        """Every tool call since the user last spoke."""
        return [call for message in self._turn for call in dicts(message.get("tool_calls"))]

    @property
    def rounds_since(self) -> int:
        """How often the model has called tools since the user last spoke."""
        return sum(bool(dicts(message.get("tool_calls"))) for message in self._turn)

    @cached_property
    def _turn(self) -> list[Json]:
        """The messages behind the user's last one; one behind results holds their pictures only."""
        roles = [message.get("role") for message in self.messages]
        said = (i for i, role in enumerate(roles) if role == "user" and roles[max(0, i - 1)] != "tool")
        return self.messages[max(said, default=-1) + 1 :]

    def _results(self, messages: list[Json]) -> list[Result]:
        names = {call.get("id"): name_of(call) for call in self.calls}
        tools = [message for message in messages if message.get("role") == "tool"]
        return [Result(names.get(m.get("tool_call_id"), "the tool"), text_of(m.get("content"))) for m in tools]

    @cached_property
    def calls(self) -> list[Json]:
        """Every tool call in the history."""
        return [call for message in self.messages for call in dicts(message.get("tool_calls"))]

    @cached_property
    def parts(self) -> list[Json]:
        """Every content part of every message."""
        return [part for message in self.messages for part in dicts(message.get("content"))]

    @cached_property
    def images(self) -> list[str]:
        """The address of every image."""
        return [url_of(part, "image_url") for part in self.parts if part.get("type") == "image_url"]

    @cached_property
    def text(self) -> str:
        """All that is said in the messages."""
        return "\n".join(text_of(message.get("content")) for message in self.messages)


def dicts(value: Any) -> list[Json]:
    """The objects of *value*, if it is a list of some."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(content: Any) -> str:
    """The text of a message's content, string or parts."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in dicts(content) if part.get("type") == "text")


def url_of(part: Json, kind: str) -> str:
    """The address in a media part, given as an object or bare."""
    media = part.get(kind)
    return str(media.get("url", "")) if isinstance(media, dict) else str(media or "")


def name_of(call: Json) -> str:
    """The function's name in a tool call."""
    function = call.get("function")
    return str(function.get("name")) if isinstance(function, dict) else ""
