"""How a request asks for an oddity: `[sim: silence 20]` in its last user message, or `qwen3.7-plus#silence=20`.

Several may be asked for; with `once` at its end one happens the first time only: `[sim: error internal_error once]`.
"""

import re
from typing import NamedTuple

MARKER = re.compile(r"\[sim:([^\]]*)\]", re.IGNORECASE)


class Marker(NamedTuple):
    """One wish: the scenario's name, its argument ("" for none), and whether it is for one time only."""

    name: str
    argument: str = ""
    once: bool = False


def markers_in(text: str) -> list[Marker]:
    """The wishes in a message."""
    return [_marker(found.split()) for found in MARKER.findall(text) if found.strip()]


def markers_of(model: str) -> tuple[str, list[Marker]]:
    """A model's real name, and the wishes that are appended to it."""
    name, *wishes = model.split("#")
    return name, [_marker(re.split(r"[=,\s]+", wish.strip())) for wish in wishes if wish.strip()]


def _marker(words: list[str]) -> Marker:
    once = len(words) > 1 and words[-1].lower() == "once"
    name, *rest = words[:-1] if once else words
    return Marker(name.lower(), " ".join(rest), once)
