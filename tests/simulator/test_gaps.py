"""The simulated legacy completions."""

from typing import Any

import orjson
import pytest

from qwenproxy.simulator.doors import COMPATIBLE
from tests.support.simulated import Answer, Client

GAP = "<|fim_prefix|>def add(a, b):\n<|fim_suffix|>\n<|fim_middle|>"


async def fill(client: Client, prompt: Any = GAP, model: str = "qwen-coder-turbo", **fields: Any) -> Answer:
    return await client.send("POST", f"{COMPATIBLE}/completions", {"model": model, "prompt": prompt, **fields})


async def test_a_gap_is_filled(client: Client) -> None:
    answer = (await fill(client)).json
    (choice,) = answer["choices"]
    assert (answer["object"], choice["finish_reason"], choice["logprobs"]) == ("text_completion", "stop", None)
    assert "qwen-coder-turbo, simulated" in choice["text"]
    assert answer["usage"]["total_tokens"] > 0


async def test_a_stream_says_the_same(client: Client) -> None:
    streamed = await fill(client, stream=True, stream_options={"include_usage": True})
    assert streamed.done
    text = "".join(choice["text"] for choice in streamed.choices)
    whole = (await fill(client)).json
    assert text == whole["choices"][0]["text"]
    assert streamed.usages == [whole["usage"]]


@pytest.mark.parametrize(
    ("fields", "status", "about"),
    [
        ({"prompt": "Hello"}, 400, "fim_prefix"),
        ({"prompt": [GAP]}, 400, "fim_prefix"),
        ({"suffix": "b"}, 400, "suffix"),
        ({"model": "qwen3.7-plus"}, 400, "Unsupported model"),
        ({"model": "davinci"}, 404, "does not exist"),
        ({"temperature": 2}, 400, "Temperature"),
        ({"prompt": f"{GAP} [sim: error limit_requests]"}, 429, ""),
    ],
    ids=str,
)
async def test_what_is_refused(client: Client, fields: dict[str, Any], status: int, about: str) -> None:
    answer = await fill(client, **fields)
    assert answer.status == status
    assert about in answer.error["message"]


async def test_a_stream_can_fail(client: Client) -> None:
    answer = await fill(client, prompt=f"{GAP} [sim: no-done]", stream=True)
    assert not answer.done
    assert all(orjson.loads(payload) for payload in answer.payloads)
