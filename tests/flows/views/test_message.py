"""Answers as the message that they add up to."""

from typing import Any

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.flows.views import message
from qwenproxy.lines import DIALECTS

URL = "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"
STREAM = "text/event-stream"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def delta(finish: str | None = None, index: int = 0, **said: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": said, "finish_reason": finish}]}


def called(arguments: str, **head: Any) -> dict[str, Any]:
    return delta(tool_calls=[{"index": 0, "function": {"arguments": arguments, **head.pop("function", {})}, **head}])


def stream(*chunks: Any) -> bytes:
    return b"".join(sse.encode(orjson.dumps(chunk)) for chunk in chunks) + sse.DONE


ANSWER = stream(
    delta(role="assistant", content=""),
    delta(reasoning_content="Let me "),
    delta(reasoning_content="think."),
    delta(content="Hel"),
    delta(content="lo\nthere"),
    called('{"city":', id="call_1", type="function", function={"name": "get_weather"}),
    called('"Riga"}'),
    delta("tool_calls"),
    {"choices": [], "usage": USAGE},
)
TOLD = """\
thinking: |
  Let me think.
content: |
  Hello
  there
tool call: get_weather  # call_1
  {
    "city": "Riga"
  }
finish: tool_calls
usage:
  {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}"""

WHOLE = {
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello\nthere",
                "reasoning_content": "Let me think.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Riga"}'},
                    }
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": USAGE,
}


@pytest.mark.parametrize(
    ("body", "content_type"), [(ANSWER, STREAM), (orjson.dumps(WHOLE), "application/json")], ids=["stream", "whole"]
)
def test_an_answer_is_told_as_its_message(body: bytes, content_type: str) -> None:
    assert message.of_app(body, content_type) == TOLD
    told = message.of_upstream(URL, body, content_type)
    assert told.startswith(TOLD.partition("\nusage")[0])
    assert '"prompt_tokens": 3' in told


def test_several_choices_are_told_apart() -> None:
    body = stream(delta(content="a"), delta(index=1, content="b"), delta("stop"), delta("length", index=1))
    told = message.of_app(body, STREAM)
    assert told.splitlines() == [
        *("choice: 0", "content: |", "  a", "finish: stop"),
        *("choice: 1", "content: |", "  b", "finish: length"),
    ]


def test_other_kinds_of_call_are_told_too() -> None:
    custom = {"index": 0, "id": "call_2", "type": "custom", "custom": {"name": "run", "input": "ls"}}
    body = stream(delta(tool_calls=[custom]), delta(index=1, function_call={"name": "f", "arguments": "{}"}))
    told = message.of_app(body, STREAM)
    assert "tool call: run  # call_2\n  ls" in told
    assert "function call: f\n  {}" in told


@pytest.mark.parametrize("length", [len(ANSWER) // 3, len(ANSWER) // 2, len(ANSWER) - 20])
def test_the_beginning_of_an_answer_is_told(length: int) -> None:
    told = message.of_app(ANSWER[:length], STREAM)
    assert told.startswith("thinking: |\n  Let me ")
    assert message.of_upstream(URL, ANSWER[:length], STREAM, whole=False).startswith("thinking: |\n  Let me ")


def test_what_broke_off_says_so() -> None:
    begun = ANSWER[: len(ANSWER) // 2]
    assert "\nerror: " in message.of_upstream(URL, begun, STREAM)
    assert "\nerror: " not in message.of_upstream(URL, begun, STREAM, whole=False)
    assert message.of_app(begun + b"\n\n" + sse.encode(b'{"error":{"message":"Broken."}}'), STREAM).endswith(
        "error: Broken."
    )


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"error":{"message":"No."}}', "application/json"),
        (b'{"object":"list","data":[{"id":"m"}]}', "application/json"),
        (b'{"choices":[{}]}', "application/json"),
        (b'{"choices":7}', "application/json"),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b"<html>", "text/html"),
        (b"data: [1]\n\n", STREAM),
        (b'data: {"choices":[{"index":0,"delta":7}]}\n\n', STREAM),
        (b"", STREAM),
    ],
)
def test_what_is_no_chat_answer_is_left_to_others(body: bytes, content_type: str) -> None:
    assert message.of_app(body, content_type) == ""
    assert message.of_upstream(URL, body, content_type) == ""


HOST = "https://dashscope.aliyuncs.com"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (
            "/api/v1/services/aigc/text-generation/generation",
            {"output": {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}]}},
        ),
        (
            "/v1beta/models/qwen3.7-plus:generateContent",
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
        ),
    ],
    ids=["dashscope", "contents"],
)
def test_a_native_answer_is_told_by_its_own_reader(path: str, answer: Any) -> None:
    body = orjson.dumps(answer)
    assert message.of_upstream(HOST + path, body, "application/json") == "content: |\n  Hi\nfinish: stop"
    streamed = sse.encode(body)
    url = HOST + path.replace(":generate", ":streamGenerate")
    assert message.of_upstream(url, streamed, STREAM) == "content: |\n  Hi\nfinish: stop"


def test_each_face_has_its_reader() -> None:
    assert {face for _, face in message.FACES} | {"compatible"} >= set(DIALECTS)
