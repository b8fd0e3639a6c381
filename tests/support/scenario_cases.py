"""What each scenario does to an answer: a request that asks for it, and what is true of what comes back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.support.simulated import WEATHER, Answer

CITIES = "What is the weather in Riga and Oslo?"
CITY = "What is the weather in Riga?"
RIGA, OSLO = '{"city": "Riga"}', '{"city": "Oslo"}'


@dataclass(frozen=True)
class Case:
    """What is asked, with which fields, and what the answer is like."""

    said: str
    fits: Callable[[Answer], bool]
    fields: dict[str, Any] = field(default_factory=dict)


def call(said: str, fits: Callable[[Answer], bool]) -> Case:
    """A case with a tool."""
    return Case(said, fits, {"tools": [WEATHER]})


def thought(said: str, fits: Callable[[Answer], bool]) -> Case:
    """A case with a model that thinks."""
    return Case(said, fits, {"model": "qwen3.7-plus"})


def whole_arguments(answer: Answer) -> list[str]:
    """The arguments in order, by the pieces' own ids: a piece without one belongs to the call before it."""
    told: list[str] = []
    for piece in answer.calls:
        if piece.get("id"):
            told.append("")
        told[-1] += piece["function"].get("arguments") or ""
    return told


def grows(pieces: list[str]) -> bool:
    return len(pieces) > 2 and all(later.startswith(earlier) for earlier, later in pairwise(pieces))


def arguments_of(answer: Answer) -> list[str]:
    return [piece["function"]["arguments"] for piece in answer.calls if piece["function"].get("arguments")]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


CASES: dict[str, list[Case]] = {
    "call": [
        call("[sim: call] Hello", lambda a: a.calls[0]["function"]["name"] == "get_weather"),
        call("[sim: call get_weather] Hello", lambda a: a.finishes == ["tool_calls"]),
        call("[sim: call nothing] Hello", lambda a: a.finishes == ["stop"]),
    ],
    "talk": [call(f"[sim: talk] {CITY}", lambda a: a.calls == [] and "Riga" in a.text)],
    "parallel": [
        Case(
            f"[sim: parallel] {CITIES}",
            lambda a: whole_arguments(a) == [RIGA, OSLO],
            {"tools": [WEATHER], "parallel_tool_calls": False},
        )
    ],
    "rounds": [
        call("[sim: rounds 2] Hello", lambda a: a.finishes == ["tool_calls"]),
        call("[sim: rounds 0] Hello", lambda a: a.finishes == ["stop"]),
    ],
    "words": [Case("[sim: words 50]", lambda a: len(a.text.split()) == 50)],
    "flood": [Case("[sim: flood 300]", lambda a: len(a.said()) == 300 and a.done)],
    "row": [
        Case(
            "[sim: row max_output=10]",
            lambda a: a.status == 400 and "[1, 10]" in a.error["message"],
            {"max_tokens": 11},
        ),
        Case("[sim: row max_output=10]", lambda a: a.finishes == ["length"], {"max_tokens": 10}),
        Case("[sim: row nonsense=10]", lambda a: "no field 'nonsense'" in a.error["message"]),
    ],
    "empty-ids": [
        call(f"[sim: empty-ids] {CITY}", lambda a: all(p["id"] == p["function"]["name"] == "" for p in a.calls[1:]))
    ],
    "repeated-names": [
        call(
            f"[sim: repeated-names] {CITIES}",
            lambda a: (
                {p["function"]["name"] for p in a.calls} == {"get_weather"} and len({p["id"] for p in a.calls}) == 2
            ),
        )
    ],
    "clean-calls": [
        call(f"[sim: clean-calls] {CITY}", lambda a: all(p.keys() == {"index", "function"} for p in a.calls[1:])),
        call(f"[sim: clean-calls] {CITIES}", lambda a: [a.arguments(0), a.arguments(1)] == [RIGA, OSLO]),
    ],
    "no-index": [call(f"[sim: no-index] {CITIES}", lambda a: all("index" not in p for p in a.calls))],
    "zero-index": [
        call(
            f"[sim: zero-index] {CITIES}",
            lambda a: {p["index"] for p in a.calls} == {0} and len({p["id"] for p in a.calls}) == 2,
        )
    ],
    "reused-index": [
        call(
            f"[sim: reused-index] {CITIES}",
            lambda a: {p["index"] for p in a.calls} == {0} and whole_arguments(a) == [RIGA, OSLO],
        )
    ],
    "no-ids": [call(f"[sim: no-ids] {CITIES}", lambda a: all("id" not in p for p in a.calls))],
    "split-name": [
        call(
            f"[sim: split-name] {CITY}",
            lambda a: [p["function"]["name"] for p in a.calls[:2]] == ["get_w", "eather"] and a.arguments() == RIGA,
        )
    ],
    "late-name": [
        call(
            f"[sim: late-name] {CITY}",
            lambda a: "name" not in a.calls[0]["function"] and a.calls[-1]["function"]["name"] == "get_weather",
        )
    ],
    "cumulative-arguments": [
        call(f"[sim: cumulative-arguments] {CITY}", lambda a: grows(arguments_of(a)) and arguments_of(a)[-1] == RIGA)
    ],
    "no-arguments": [call(f"[sim: no-arguments] {CITY}", lambda a: a.arguments() == "")],
    "single-quotes": [call(f"[sim: single-quotes] {CITY}", lambda a: a.arguments() == "{'city': 'Riga'}")],
    "xml-arguments": [
        call(f"[sim: xml-arguments] {CITY}", lambda a: a.arguments() == "<parameter=city>\nRiga\n</parameter>")
    ],
    "trailing-junk": [call(f"[sim: trailing-junk] {CITY}", lambda a: a.arguments() == RIGA + "}</tool_call>")],
    "unclosed-arguments": [
        call(f"[sim: unclosed-arguments] {CITY}", lambda a: a.arguments() == RIGA[:-2] and a.finishes == ["tool_calls"])
    ],
    "cut-arguments": [
        call(f"[sim: cut-arguments] {CITY}", lambda a: a.arguments() == RIGA[:-2] and a.finishes == ["length"]),
        Case("[sim: cut-arguments] Hello", lambda a: a.finishes == ["stop"]),
    ],
    "glued-calls": [
        call(f"[sim: glued-calls] {CITIES}", lambda a: whole_arguments(a) == [RIGA + OSLO]),
        call(f"[sim: glued-calls] {CITY}", lambda a: whole_arguments(a) == [RIGA + RIGA]),
        Case("[sim: glued-calls] Hello", lambda a: a.calls == []),
    ],
    "finish-stop": [call(f"[sim: finish-stop] {CITY}", lambda a: a.finishes == ["stop"] and a.arguments() == RIGA)],
    "call-leaked": [
        call(
            f"[sim: call-leaked] {CITY}",
            lambda a: (
                a.text == f'<tool_call>\n{{"name": "get_weather", "arguments": {RIGA}}}\n</tool_call>'
                and (a.calls, a.finishes) == ([], ["stop"])
            ),
        )
    ],
    "call-leaked-xml": [
        call(
            f"[sim: call-leaked-xml] {CITY}",
            lambda a: a.text == "<function=get_weather>\n<parameter=city>\nRiga\n</parameter>\n</function>",
        ),
        Case("[sim: call-leaked-xml] Hello", lambda a: "Hello" in a.text),
    ],
    "think-leaked": [
        thought("[sim: think-leaked]", lambda a: a.text.startswith("<think>\n") and a.said("reasoning_content") == []),
        Case("[sim: think-leaked]", lambda a: "\n</think>\n\nHello" in a.text),
    ],
    "think-closing": [
        thought("[sim: think-closing]", lambda a: "<think>" not in a.text and "\n</think>\n\nHello" in a.text)
    ],
    "finish": [Case("[sim: finish eos]", lambda a: a.finishes == ["eos"])],
    "content-filter": [Case("[sim: content-filter]", lambda a: a.finishes == ["content_filter"])],
    "error-finish": [
        Case("[sim: error-finish]", lambda a: a.finishes == ["error_finish"] and a.text.startswith("Inference failed")),
        Case("[sim: error-finish too hot]", lambda a: a.text == "too hot"),
    ],
    "cumulative-content": [
        thought("[sim: cumulative-content]", lambda a: grows(a.said()) and grows(a.said("reasoning_content")))
    ],
    "no-finish": [Case("[sim: no-finish]", lambda a: (a.finishes, len(a.usages), a.done) == ([], 1, True))],
    "two-finishes": [Case("[sim: two-finishes]", lambda a: a.finishes == ["stop", "stop"])],
    "usage-first": [
        Case("[sim: usage-first]", lambda a: bool(a.chunks[-2]["usage"]) and bool(a.chunks[-1]["choices"]) and a.done)
    ],
    "finish-with-usage": [
        Case("[sim: finish-with-usage]", lambda a: a.finishes == ["stop", "stop"] and bool(a.chunks[-1]["usage"]))
    ],
    "no-usage": [Case("[sim: no-usage]", lambda a: a.usages == [] and a.done)],
    "usage-total": [Case("[sim: usage-total]", lambda a: [*a.usages[0]] == ["total_tokens"])],
    "null-finish": [Case("[sim: null-finish]", lambda a: set(a.finishes) == {"null", "stop"})],
    "nulls": [
        Case(
            "[sim: nulls]",
            lambda a: (
                all(c["delta"]["function_call"] is None for c in a.choices)
                and a.choices[0]["delta"]["role"] == "assistant"
            ),
        )
    ],
    "empty": [
        Case(
            "[sim: empty]",
            lambda a: (a.text, a.finishes, a.usages[0]["completion_tokens"], a.done) == ("", [], 0, True),
        )
    ],
    "stream-error": [
        Case(
            "[sim: stream-error limit_requests]",
            lambda a: a.text != "" and a.chunks[-1]["error"]["code"] == "limit_requests" and not a.done,
        ),
        Case("[sim: stream-error]", lambda a: a.chunks[-1]["error"]["code"] == "internal_error"),
        Case("[sim: stream-error nonsense]", lambda a: a.status == 400 and "nonsense" in a.error["message"]),
    ],
    "first-error": [
        Case("[sim: first-error]", lambda a: (a.status, len(a.payloads)) == (200, 1) and "error" in a.chunks[0])
    ],
    "comments": [Case("[sim: comments]", lambda a: b"\n: keepalive\n" in a.body and a.done)],
    "event-lines": [Case("[sim: event-lines]", lambda a: a.body.startswith(b"id:7\nevent:result\n") and a.done)],
    "crlf": [Case("[sim: crlf]", lambda a: a.body.count(b"\n") == a.body.count(b"\r\n") > 9 and a.done)],
    "cr": [Case("[sim: cr]", lambda a: b"\n" not in a.body and a.done)],
    "no-space": [Case("[sim: no-space]", lambda a: b"data: " not in a.body and a.done)],
    "data-lines": [Case("[sim: data-lines]", lambda a: b"data: {\ndata: " in a.body and a.chunks != [] and a.done)],
    "split-bytes": [Case("[sim: split-bytes] Ņ", lambda a: any(not _is_utf8(piece) for piece in a.pieces) and a.done)],
    "one-byte": [Case("[sim: one-byte] [sim: words 1]", lambda a: len(a.pieces) > 100 and a.text == "word1")],
    "no-done": [Case("[sim: no-done]", lambda a: a.finishes == ["stop"] and not a.done)],
    "json": [
        Case("[sim: json]", lambda a: a.kind == "application/json" and a.json["object"] == "chat.completion"),
    ],
    "sse": [Case("[sim: sse]", lambda a: a.kind.startswith("text/event-stream") and a.done, {"stream": False})],
    "cut": [
        Case("[sim: cut]", lambda a: a.broken and a.body.startswith(b"data: ") and not a.body.endswith(b"\n\n")),
        Case("[sim: cut]", lambda a: a.broken and a.body.startswith(b"{"), {"stream": False}),
    ],
    "reset": [Case("[sim: reset]", lambda a: a.broken)],
    "closed": [
        Case("[sim: closed]", lambda a: (a.broken, a.finishes, a.done) == (False, [], False) and a.text != ""),
        Case("[sim: closed]", lambda a: a.broken, {"stream": False}),
    ],
    "nothing": [
        Case("[sim: nothing]", lambda a: (a.status, a.body, a.broken) == (200, b"", False)),
        Case("[sim: nothing]", lambda a: a.broken, {"stream": False}),
    ],
    "error": [
        Case("[sim: error limit_requests 7]", lambda a: (a.status, a.headers["Retry-After"]) == (429, "7")),
        Case("[sim: error nonsense]", lambda a: a.status == 400 and "limit_requests" in a.error["message"]),
    ],
    "sse-error": [
        Case(
            "[sim: sse-error]",
            lambda a: (a.status, a.kind.partition(";")[0]) == (400, "text/event-stream") and "error" in a.chunks[0],
        )
    ],
    "html": [
        Case("[sim: html]", lambda a: a.status == 200 and a.kind.startswith("text/html") and b"aliyun_waf" in a.body)
    ],
}
