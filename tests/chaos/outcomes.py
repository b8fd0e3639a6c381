"""What an app got of one request, in words, and what the tables of cases say that it has to get."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import orjson

from qwenproxy import sse
from tests.support.clients import Reply

GOLDEN = Path(__file__).parents[1] / "golden" / "chaos.json"
WHOLE = "a whole answer"


def outcome(reply: Reply) -> str:
    """`WHOLE`, or the one error that came; what is neither is told as it is, and is no outcome that may be."""
    if reply.broken:
        return f"broken: {reply.body[-100:]!r}"
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        return _streamed(reply.body)
    try:
        body = reply.json
    except ValueError:
        return f"no JSON: {reply.status} {reply.body[:100]!r}"
    if reply.status >= 400 and body["error"]["message"]:
        code = body["error"]["code"]
        return f"{reply.status} `{code}`" if code else f"{reply.status}"
    whole = reply.status == 200 and all(choice["finish_reason"] for choice in body["choices"])
    return WHOLE if whole else f"neither: {reply.status} {body}"


def may_be(outcome: str) -> bool:
    """Whether *outcome* is one that an app can make something of."""
    return outcome == WHOLE or re.fullmatch(r"[45]\d\d(?: `\w+`)?|an error event, `\w+`", outcome) is not None


def _streamed(body: bytes) -> str:
    payloads = sse.Decoder().feed(body)
    done = payloads.count(b"[DONE]")
    events = [orjson.loads(payload) for payload in payloads if payload != b"[DONE]"]
    errors = [event["error"]["code"] for event in events if event.get("error")]
    finishes = [choice for event in events for choice in event.get("choices", ()) if choice["finish_reason"]]
    if (done, len(errors), len(finishes)) == (1, 0, 1) and payloads[-1] == b"[DONE]":
        return WHOLE
    if (done, len(errors), len(finishes)) == (0, 1, 0) and "error" in events[-1]:
        return f"an error event, `{errors[0]}`"
    return f"{done} ends, {len(finishes)} finishes, errors {errors}: {body[-200:]!r}"


def expected(group: str) -> Mapping[str, Mapping[str, str]]:
    """What each case of *group* has to come to, by what was asked."""
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = orjson.loads(GOLDEN.read_bytes())
    return found[group]


def settle(group: str, found: Mapping[str, Mapping[str, str]], others: Collection[str] = ()) -> None:
    """Compares what was *found* with what is kept, or keeps it if WRITE_TABLE is set.

    *others*: outcomes that may be in this group.  Raises AssertionError.
    """
    wrong = {case: got for case, got in found.items() if not all(one in others or may_be(one) for one in got.values())}
    assert not wrong, "\n".join(f"{case}: {got}" for case, got in wrong.items())
    if os.environ.get("WRITE_TABLE"):
        kept = orjson.loads(GOLDEN.read_bytes()) if GOLDEN.exists() else {}
        GOLDEN.write_bytes(orjson.dumps({**kept, group: found}, option=orjson.OPT_INDENT_2) + b"\n")
    assert found == expected(group)
