"""What each scenario does to an answer of the native face, where that is not what it does to the OpenAI-like one's."""

from tests.support.scenario_cases import CASES, CITIES, CITY, OSLO, RIGA, Case, call, grows, thought, whole_arguments
from tests.support.simulated import Answer, NativeAnswer


def names_so_far(answer: Answer) -> list[list[str]]:
    """The names of the calls in each frame that has one."""
    lists = [choice["delta"].get("tool_calls") or [] for choice in answer.choices]
    return [[piece["function"]["name"] for piece in pieces] for pieces in lists if pieces]


def last_arguments(answer: Answer) -> list[str]:
    return [piece["function"]["arguments"] for piece in answer.choices[-1]["delta"]["tool_calls"]]


def refuses(answer: Answer, code: str) -> bool:
    return isinstance(answer, NativeAnswer) and answer.error["code"] == code


OWN: dict[str, list[Case]] = {
    "cumulative-calls": [
        call(
            f"[sim: cumulative-calls] {CITIES}",
            lambda a: (
                names_so_far(a)[0] == ["get_weather"]
                and names_so_far(a)[-1] == ["get_weather", "get_weather"]
                and last_arguments(a) == [RIGA, OSLO]
            ),
        )
    ],
    "cumulative-output": [
        thought(
            "[sim: cumulative-output]",
            lambda a: grows(a.said()) and grows(a.said("reasoning_content")) and "Hello" in a.said()[-1],
        ),
        call(f"[sim: cumulative-output] {CITIES}", lambda a: last_arguments(a) == [RIGA, OSLO]),
    ],
    "no-choice-index": [Case("[sim: no-choice-index]", lambda a: all("index" not in c for c in a.choices) and a.done)],
    "data-only": [
        Case("[sim: data-only]", lambda a: a.body.count(b"\n\ndata:{") == a.body.count(b"\n\n") - 1 > 5 and a.done)
    ],
    "row": [
        Case(
            "[sim: row max_output=10]",
            lambda a: refuses(a, "InvalidParameter") and "[1, 10]" in a.error["message"],
            {"max_tokens": 11},
        ),
        Case("[sim: row multimodal=true]", lambda a: a.error["message"] == "url error, check url!"),
    ],
    "finish": [Case("[sim: finish tool_call]", lambda a: a.finishes == ["tool_call"])],
    "no-finish": [Case("[sim: no-finish]", lambda a: (a.finishes, a.text != "") == ([], True))],
    "no-usage": [Case("[sim: no-usage]", lambda a: a.usages == [] and a.done)],
    "nulls": [Case("[sim: nulls]", lambda a: all(c["delta"]["annotations"] is None for c in a.choices) and a.done)],
    "empty": [Case("[sim: empty]", lambda a: (a.text, a.finishes, a.usages[0]["output_tokens"]) == ("", [], 0))],
    "stream-error": [
        Case(
            "[sim: stream-error limit_requests]",
            lambda a: (
                a.text != ""
                and a.chunks[-1]["error"].keys() == {"code", "message", "request_id"}
                and a.chunks[-1]["error"]["code"] == "Throttling.RateQuota"
                and b"event:error\n:HTTP_STATUS/429\ndata:{" in a.body
            ),
        ),
        Case("[sim: stream-error nonsense]", lambda a: a.status == 400 and "nonsense" in a.error["message"]),
    ],
    "first-error": [
        Case(
            "[sim: first-error]",
            lambda a: a.body.startswith(b"id:1\nevent:error\n:HTTP_STATUS/500\ndata:{") and len(a.chunks) == 1,
        )
    ],
    "data-lines": [Case("[sim: data-lines]", lambda a: b"data: {\ndata: " in a.body and a.done)],
    "json": [Case("[sim: json]", lambda a: a.kind == "application/json" and "choices" in a.json["output"])],
    "cut": [
        Case("[sim: cut]", lambda a: a.broken and a.body.startswith(b"id:1\n") and not a.body.endswith(b"\n\n")),
        Case("[sim: cut]", lambda a: a.broken and a.body.startswith(b"{"), {"stream": False}),
    ],
    "closed": [Case("[sim: closed]", lambda a: (a.broken, a.finishes) == (False, []) and a.text != "")],
    "two-finishes": [Case("[sim: two-finishes]", lambda a: a.finishes == ["stop", "stop"])],
    "sse-error": [
        Case(
            "[sim: sse-error]",
            lambda a: (
                (a.status, a.kind.partition(";")[0]) == (400, "text/event-stream")
                and a.chunks[0]["error"]["code"] == "InvalidParameter"
            ),
        )
    ],
    "one-byte": [
        Case("[sim: one-byte] [sim: words 1]", lambda a: len(a.pieces) > 100 and a.text == "word1"),
    ],
    "repeated-names": CASES["repeated-names"],
    "glued-calls": [call(f"[sim: glued-calls] {CITY}", lambda a: whole_arguments(a) == [RIGA + RIGA])],
}


def cases_of(name: str) -> list[Case]:
    """The cases of a scenario on the native face."""
    return OWN.get(name) or CASES[name]
