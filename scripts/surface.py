"""The README's table of what becomes of every method of the official client, from what the test of it has found."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from posixpath import commonpath
from typing import Any, NamedTuple

import orjson

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "surface.json"
SERVED, LOCAL = "served", "no request"
ENDS: Mapping[str, str] = {SERVED: "served", LOCAL: "asks nobody"}
WEBSOCKETS = "no such WebSocket"

WHY: Mapping[str, str] = {
    "admin": "OpenAI's own accounts; no figure is invented",
    "audio": "speech is another protocol with Qwen",
    "batches": "one call at a time; a response may be made in the background",
    "beta.agents": "OpenAI's own agents",
    "beta.assistants": "OpenAI has ended it",
    "beta.chat": "chat completions are not stored",
    "beta.chatkit": "OpenAI's own agents",
    "beta.realtime": "no speech in real time",
    "beta.threads": "OpenAI has ended it",
    "chat": "chat completions are not stored",
    "containers": "OpenAI's own machines",
    "content_provenance_checks": "about what OpenAI's models made",
    "decisions": "Qwen has no such call",
    "evals": "OpenAI's own service",
    "files": "no files are kept",
    "fine_tuning": "models are trained at the vendor's own console",
    "images": "pictures are another protocol with Qwen",
    "live": "no speech in real time",
    "models": "they are the upstream's",
    "moderations": "Qwen has no such model, and a verdict would be made up",
    "realtime": "no speech in real time",
    "safety": "about OpenAI's own accounts",
    "skills": "OpenAI's own machines",
    "uploads": "no files are kept",
    "vector_stores": "no files are kept",
    "videos": "films are another protocol with Qwen",
    "webhooks": "nothing happens later that could be told",
}
"""The beginning of a resource's name -> why it is refused."""


class Row(NamedTuple):
    """Methods of one resource with one outcome."""

    resource: str
    outcome: str
    methods: tuple[str, ...]
    requests: tuple[str, ...]


def table() -> str:
    """The table, in order of the client."""
    lines = ["| resource | methods | requests | |", "|---|---|---|---|"]
    for row in rows(orjson.loads(GOLDEN.read_bytes())):
        names = ", ".join(f"`{name}`" for name in row.methods)
        lines.append(f"| `{row.resource}` | {names} | {asked(row)} | {told(row)} |")
    return "\n".join(lines) + "\n"


def rows(found: Mapping[str, Any]) -> Iterator[Row]:
    """What was *found*, by resource and outcome; what is served comes first."""

    def kind(name: str) -> tuple[bool, str, str]:
        outcome: str = found[name]["outcome"]
        return outcome != SERVED, name.rpartition(".")[0], outcome

    for (_, resource, outcome), names in groupby(sorted(found, key=kind), key=kind):
        group = list(names)
        requests = dict.fromkeys(request for name in group for request in found[name]["requests"])
        yield Row(resource, outcome, tuple(name.rpartition(".")[2] for name in group), tuple(requests))


def asked(row: Row) -> str:
    """The requests of *row*: all that are served, of others the path that they have in common."""
    if row.outcome == SERVED or len(row.requests) < 2:
        return ", ".join(f"`{request}`" for request in row.requests)
    paths = {request.partition(" ")[2] for request in row.requests}
    return f"`{commonpath(paths)}`" + (" and below" if len(paths) > 1 else "")


def told(row: Row) -> str:
    """What becomes of *row*, and why.  Raises LookupError for a refusal without a reason."""
    if row.outcome in (SERVED, LOCAL):
        return ENDS[row.outcome]
    status, code = row.outcome.split(" ")
    reason = WEBSOCKETS if status == "426" else reason_of(row.resource)
    return f"{status} `{code}`: {reason}"


def reason_of(resource: str, why: Mapping[str, str] = WHY) -> str:
    """Why calls of *resource* are refused, by the longest name that fits.  Raises LookupError."""
    fitting = [name for name in why if f"{resource}.".startswith(f"{name}.")]
    if not fitting:
        raise LookupError(f"no reason is given why {resource} is refused")
    return why[max(fitting, key=len)]
