"""How many exchanges there were, what they took, and what failed: counted from the log, told in one line."""

import logging
from collections.abc import Mapping
from typing import Any

LONGEST = 120  # characters of an error's text


class Tally(logging.Handler):
    """Counts the exchanges that are logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.exchanges = 0
        self.errors = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.last_error = ""

    def emit(self, record: logging.LogRecord) -> None:
        facts: Mapping[str, Any] | None = getattr(record, "exchange", None)
        if facts is None:
            return
        self.exchanges += 1
        self.prompt_tokens += facts.get("prompt_tokens", 0)
        self.completion_tokens += facts.get("completion_tokens", 0)
        if error := facts.get("error"):
            self.errors += 1
            self.last_error = str(error)

    def facts(self) -> dict[str, Any]:
        return {
            "exchanges": self.exchanges,
            "errors": self.errors,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "last_error": self.last_error,
        }


def text(facts: Mapping[str, Any]) -> str:
    """`3 exchanges, 120 + 340 tokens, 1 error (the last: rate_limit_exceeded: ...)`."""
    if not facts["exchanges"]:
        return "no call came through the proxy"
    words = [
        _counted(facts["exchanges"], "exchange"),
        f"{facts['prompt_tokens']} + {facts['completion_tokens']} tokens",
        _counted(facts["errors"], "error"),
    ]
    if last := " ".join(facts["last_error"].split()):
        shown = last if len(last) <= LONGEST else f"{last[:LONGEST]}…"
        words[-1] += f" ({'the last: ' if facts['errors'] > 1 else ''}{shown})"
    return ", ".join(words)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number or 'no'} {what}s"
