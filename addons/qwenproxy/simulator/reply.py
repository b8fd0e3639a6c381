"""What the scripted model says, in no upstream's words: the faces turn it into what goes over the wire."""

from dataclasses import dataclass
from typing import NamedTuple

from qwenproxy.simulator.tokens import count

type Finish = str
"""stop, length, tool_calls, content_filter; error_finish; or what a scenario wants it to be."""


class Call(NamedTuple):
    """One tool call.  *arguments* is the text as it is sent: JSON, or what an oddity made of it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: thinking first, then text, then calls."""

    thinking: str = ""
    text: str = ""
    calls: tuple[Call, ...] = ()
    finish: Finish = "stop"

    @property
    def thinking_tokens(self) -> int:
        return count(self.thinking)

    @property
    def answer_tokens(self) -> int:
        return count(self.text) + sum(count(call.name) + count(call.arguments) for call in self.calls)


class Prompt(NamedTuple):
    """What the request itself costs, in tokens."""

    text: int
    images: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything that is said to one request.  `logprobs` is the wanted number of alternatives, None for none."""

    choices: tuple[Choice, ...]
    prompt: Prompt
    thinks: bool = False
    logprobs: int | None = None
    blocked: str = ""
    """Why the prompt itself is refused, which the contents face says in an answer without candidates."""
