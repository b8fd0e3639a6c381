"""A tool, whatever it comes from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from qwenproxy.tools.schema import Schema
from qwenproxy.wire.openai import Json

type Call = Callable[[Json], Awaitable[str]]
"""Takes the arguments, which fit the schema; returns what the model is to read.  Raises ToolError, or anything."""


class ToolError(Exception):
    """A failure in the tool's own words: they go to the model as they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One tool, under the name by which a model calls it."""

    name: str
    description: str
    parameters: Schema
    call: Call
    source: str
    """What it comes from, in words for people."""
    read_only: bool = False
    """Whether it changes nothing anywhere, as far as its author says."""
    needs_confirmation: bool = False
    """Whether a person would have to agree to each call: nobody is there to be asked, so it is not run."""

    def function(self) -> Json:
        """As the chat completions API takes it."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters.document}
        return {"type": "function", "function": function}

    def facts(self) -> dict[str, Any]:
        """As `qwenproxy tools --json` tells it."""
        return {
            "name": self.name,
            "description": self.description,
            "source": self.source,
            "read_only": self.read_only,
            "needs_confirmation": self.needs_confirmation,
            "parameters": self.parameters.document,
        }
