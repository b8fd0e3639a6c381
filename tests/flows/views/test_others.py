"""Responses, legacy completions and embeddings as people read them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.flows.views import message, others

GOLDEN = Path(__file__).parents[2] / "golden" / "responses"
STREAM, JSON = "text/event-stream", "application/json"
USAGE = {"prompt_tokens": 3, "total_tokens": 5}

TOLD: dict[str, list[str]] = {
    "text": ["content: |", "  Hello", "status: completed", "usage:"],
    "thinking_then_text": ["thinking: |", "  Well, ", "content: |", "  Hi", "status: completed"],
    "two_calls_mixed": [
        *("tool call: f  # call_0", "  {", '    "a": 1', "  }"),
        *("tool call: ns.f  # call_1", "  {}", "status: completed"),
    ],
    "text_then_custom_call": ["content: |", "  So:", "tool call: c  # call_0", "  ls -l", "status: completed"],
    "refusal": ["refusal: |", "  I will not.", "status: completed"],
    "cut_by_length": ["content: |", "  Once upon", "status: incomplete (max_output_tokens)", "usage:"],
    "error_in_mid_stream": ["status: failed", "error: server_error: The upstream broke off."],
}


@pytest.mark.parametrize("name", TOLD)
def test_a_response_is_told_as_its_items(name: str) -> None:
    stream = (GOLDEN / f"{name}.sse").read_bytes()
    told = message.of_app(stream, STREAM).splitlines()
    assert told[: len(TOLD[name])] == TOLD[name]
    ended = orjson.loads(stream.rsplit(b"data: ", 1)[1])["response"]
    assert message.of_app(orjson.dumps(ended), JSON).splitlines() == told


def test_of_a_stream_that_was_cut_there_is_what_came() -> None:
    stream = (GOLDEN / "thinking_then_text.sse").read_bytes()
    begun = stream[: stream.index(b"event: response.output_text.done")]
    assert message.of_app(begun, STREAM).splitlines() == [
        *("thinking: |", "  Well, "),
        *("content, so far: |", "  Hi"),
    ]


def test_calls_of_the_apps_own_tools_and_what_is_sealed_are_told_in_short() -> None:
    told = message.of_app((GOLDEN / "tools_of_the_app.sse").read_bytes(), STREAM)
    assert "tool call: shell_call  # call_1" in told
    assert '"commands": ["ls", "pwd"]' in told
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "x" * 1234}
    made = {"object": "response.compaction", "output": [compaction], "usage": USAGE}
    assert message.of_app(orjson.dumps(made), JSON).startswith("compaction: 1,234 characters, sealed\nusage:")


def completion(text: str, index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "text": text, "finish_reason": finish}
    return {"object": "text_completion", "choices": [choice]} | fields


def test_a_legacy_completion_is_told_as_its_texts() -> None:
    chunks = [completion("Hel"), completion("x", 1, "stop"), completion("lo", 0, "length", usage=USAGE)]
    body = b"".join(sse.encode(orjson.dumps(chunk)) for chunk in chunks) + sse.DONE
    assert message.of_app(body, STREAM).splitlines() == [
        *("choice: 0", "text: |", "  Hello", "finish: length"),
        *("choice: 1", "text: |", "  x", "finish: stop"),
        *("usage:", '  {"prompt_tokens": 3, "total_tokens": 5}'),
    ]
    alone = message.of_app(orjson.dumps(completion("Hello", finish="stop")), JSON)
    assert alone.splitlines() == ["text: |", "  Hello", "finish: stop"]


@pytest.mark.parametrize(
    ("embedding", "told"),
    [([0.5, -0.25, 1.0, 2.0, 3.0], "5 numbers (0.5, -0.25, 1, 2 ...)"), ("AAAAPwAAgL4=", "2 numbers, in base64")],
)
def test_an_embedding_is_told_by_its_size(embedding: Any, told: str) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": embedding}]
    body = orjson.dumps({"object": "list", "data": data, "model": "m", "usage": USAGE})
    assert message.of_app(body, JSON).splitlines()[0] == f"embedding 0: {told}"


@pytest.mark.parametrize("chunks", [[], [{}], [{"object": "list", "data": []}], [{"object": "chat.completion"}]])
def test_all_else_is_not_for_here(chunks: list[Any]) -> None:
    assert others.told(chunks) == ""
