"""One log line for each call of a tool: never a secret, and its arguments only if a setting says so."""

import logging
from collections.abc import Iterable
from typing import Any

log = logging.getLogger("qwenproxy.tools")

HIDDEN = "…"
SHOWN = 2_000
"""Characters of the arguments that a line may tell."""


class Trail:
    """Writes the lines; *arguments*: whether they tell those, *secrets* taken out."""

    def __init__(self, *, arguments: bool = False, secrets: Iterable[str] = ()) -> None:
        self._arguments = arguments
        self._secrets = tuple(sorted(filter(None, secrets), key=len, reverse=True))

    def write(
        self, name: str, source: str, outcome: str, ms: int, arguments: str, answer: str, exchange: str = ""
    ) -> None:
        """Tell of one call; sizes are in characters."""
        if not log.isEnabledFor(logging.INFO):
            return
        facts: dict[str, Any] = {
            "tool": name[:64],
            "source": source,
            "outcome": str(outcome),
            "ms": ms,
            "in": len(arguments),
            "out": len(answer),
            "exchange": exchange,
        }
        if self._arguments:
            facts["arguments"] = self.without_secrets(arguments[: 2 * SHOWN])[:SHOWN]
        facts = {key: value for key, value in facts.items() if value != ""}
        log.info("%s", text(facts), extra={"call": facts})

    def without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def text(facts: dict[str, Any]) -> str:
    """One line for people: `tool clock__now ok 12ms in=2 out=40 source="clock.py" id=...`."""
    words = ["tool", repr(facts["tool"])[1:-1], facts["outcome"], f"{facts['ms']}ms"]
    words += [f"in={facts['in']}", f"out={facts['out']}"]
    words += [f"{name}={facts[name]!r}" for name in ("source", "arguments") if name in facts]
    return " ".join([*words, *([f"id={facts['exchange']}"] if "exchange" in facts else [])])
