"""What an exchange leaves on its flow: the rounds, and a comment and a mark for the flow list."""

from typing import Any, TypedDict

from mitmproxy import http
from mitmproxy.utils.emoji import emoji

from qwenproxy.record import CLIENT_CLOSED, Record
from qwenproxy.transcript import Kept

KEY = "qwenproxy"
"""Where it is in a flow's metadata."""
VERSION = 1
UNKNOWN = "-"
"""The endpoint of a request that is for none."""
ERROR = 100
"""Characters of an error that a comment shows."""

FAILED, REFUSED, LEFT, MENDED = ":x:", ":warning:", ":scissors:", ":wrench:"
"""Marks, by their emoji names: an answer that failed, a request that was refused, an app that left, and an answer that
is what it is because something was altered, repaired or learned."""


class Notes(TypedDict):
    """What is kept of an exchange beside its flow: plain values, saved with it."""

    version: int
    exchange: dict[str, Any]
    rounds: list[Kept]
    left_out: int
    comment: str
    mark: str


def of(flow: http.HTTPFlow) -> Notes | None:
    """The notes on *flow*, perhaps of another process; None if there are none, or none that can be read."""
    found: Notes | None = flow.metadata.get(KEY)
    return found if isinstance(found, dict) and found.get("version") == VERSION else None


def take(flow: http.HTTPFlow, record: Record, *, live: bool = False, left: bool = False) -> None:
    """Note on *flow* what is known by now.  *live*: the answer still goes on.  *left*: the app has not awaited it.

    A comment or a mark that is not ours stays.
    """
    facts = record.facts()
    if left:
        facts["status"] = CLIENT_CLOSED
    if facts["endpoint"] == UNKNOWN:
        facts["endpoint"] = f"{flow.request.method} {flow.request.path.partition('?')[0]}"
    rounds: list[Kept] = []
    left_out = 0
    if record.transcript is not None:
        record.transcript.settle()
        rounds, left_out = record.transcript.rounds, record.transcript.left_out
        facts["rounds"] = len(rounds) + left_out
    repaired = [repair for kept in rounds for repair in kept["repaired"]]
    facts["repaired"] = repaired
    facts["changed"] = [change for change in facts.get("changed", ()) if change not in repaired]
    before = of(flow)
    marked = "" if live else mark(facts)
    told = " ".join(filter(None, [emoji.get(marked), comment(facts, live=live)]))
    notes = Notes(version=VERSION, exchange=facts, rounds=rounds, left_out=left_out, comment=told, mark=marked)
    if flow.comment in ("", before["comment"] if before else ""):
        flow.comment = notes["comment"]
    if flow.marked in ("", before["mark"] if before else ""):
        flow.marked = notes["mark"]
    flow.metadata[KEY] = notes


def comment(facts: dict[str, Any], *, live: bool = False) -> str:
    """An exchange at a glance: `chat gpt-4o -> qwen3.7-plus, 200, 24+118 tokens, 2.31 s (first 0.31 s), ...`."""
    if live:
        return f"{called(facts)}, answering"
    words = [called(facts), *figures(facts)]
    words += [
        f"{name} {'; '.join(facts[name])}" for name in ("dropped", "learned", "changed", "tools") if facts.get(name)
    ]
    if facts.get("repaired"):
        words.append(f"repaired {'; '.join(facts['repaired'])}")
    if "error" in facts:
        words.append(facts["error"][:ERROR])
    return ", ".join(words)


def called(facts: dict[str, Any]) -> str:
    """What was called, which model was asked for, and which one answered."""
    model, used = facts.get("model", ""), facts.get("used", "")
    models = f"{model} -> {used}" if used and used != model else model
    return f"{facts['endpoint']} {models}".rstrip()


def figures(facts: dict[str, Any]) -> list[str]:
    """Status, tokens, times, and rounds if there were several."""
    told = [str(facts["status"])]
    if "prompt_tokens" in facts:
        told.append(f"{facts['prompt_tokens']}+{facts.get('completion_tokens', 0)} tokens")
    first = f" (first {facts['first_ms'] / 1000:.2f} s)" if "first_ms" in facts else ""
    told.append(f"{facts['total_ms'] / 1000:.2f} s{first}")
    return [*told, f"{facts['rounds']} rounds"] if facts.get("rounds", 0) > 1 else told


def mark(facts: dict[str, Any]) -> str:
    """The mark for what stands out; "" for what went as it should."""
    status = facts["status"]
    if status == CLIENT_CLOSED:
        return LEFT
    if status >= 400:
        return FAILED if status >= 500 else REFUSED
    return MENDED if any(facts.get(name) for name in ("learned", "repaired", "changed")) else ""
