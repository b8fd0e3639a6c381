"""This face over HTTP."""

from typing import Any

import orjson
import pytest

from qwenproxy.simulator.server import Simulator
from qwenproxy.wire.openai import Json
from tests.support.simulated import Answer, Client

MODEL = "/v1beta/models/qwen3.7-plus"
NOBODY = {"Authorization": ""}


def asking(text: str = "Hello", **more: Any) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def key(value: str) -> dict[str, str]:
    return NOBODY | {"x-goog-api-key": value}


async def generate(client: Client, text: str = "Hello", method: str = "generateContent", **more: Any) -> Answer:
    return await client.send("POST", f"{MODEL}:{method}", asking(text, **more))


def text_of(responses: list[Any]) -> str:
    parts = [part for one in responses for part in one["candidates"][0]["content"].get("parts", ())]
    return "".join(part["text"] for part in parts)


async def test_the_three_ways_to_answer_say_the_same(client: Client) -> None:
    whole = await generate(client)
    events = await generate(client, method="streamGenerateContent?alt=sse")
    array = await generate(client, method="streamGenerateContent")
    assert [whole.status, events.status, array.status] == [200, 200, 200]
    assert [answer.kind.partition(";")[0] for answer in (whole, events, array)] == [
        "application/json",
        "text/event-stream",
        "application/json",
    ]
    assert len(events.chunks) == len(array.json) > 10
    assert text_of([whole.json]) == text_of(events.chunks) == text_of(array.json)


async def test_an_array_comes_in_pieces(client: Client) -> None:
    array = await generate(client, method="streamGenerateContent")
    assert len(array.pieces) > 5
    assert array.body.startswith(b"[{")


@pytest.mark.parametrize(
    ("query", "headers", "status", "word"),
    [
        ("", key("sk-simulator"), 200, ""),
        ("?key=sk-simulator", NOBODY, 200, ""),
        ("", {"Authorization": "Bearer sk-simulator"}, 200, ""),
        ("", NOBODY, 403, "PERMISSION_DENIED"),
        ("?key=wrong", NOBODY, 400, "INVALID_ARGUMENT"),
        ("", key("wrong"), 400, "INVALID_ARGUMENT"),
        ("", {"Authorization": "Bearer wrong"}, 401, "UNAUTHENTICATED"),
    ],
)
async def test_who_may_ask(client: Client, query: str, headers: dict[str, str], status: int, word: str) -> None:
    answer = await client.send("POST", f"{MODEL}:generateContent{query}", asking(), headers=headers)
    assert answer.status == status
    assert answer.json.get("error", {}).get("status", "") == word


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent"])
async def test_a_refusal_has_its_time_to_wait_in_the_body_only(client: Client, method: str) -> None:
    answer = await generate(client, "[sim: error limit_requests 7]", method)
    told = answer.json[0] if method == "streamGenerateContent" else answer.json
    assert (answer.status, told["error"]["code"], told["error"]["status"]) == (429, 429, "RESOURCE_EXHAUSTED")
    assert told["error"]["details"][-1]["retryDelay"] == "7s"
    assert "Retry-After" not in answer.headers


async def test_a_page_in_place_of_a_refusal_stays_one(client: Client) -> None:
    answer = await generate(client, "[sim: error waf_405]", "streamGenerateContent")
    assert (answer.status, answer.kind.partition(";")[0]) == (405, "text/html")
    assert answer.body.startswith(b"<!doctype")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "The request body is not a JSON object."),
        ({}, "contents is not specified"),
        (asking(model="x", temperature=1), 'Unknown name "temperature": Cannot find field.'),
        (asking("[sim: no-such-thing]"), "no scenario is called"),
        (asking("[sim: split-name]"), "means nothing on the contents face"),
        (asking(generationConfig={"temperature": 2.5}), "Temperature should be in"),
    ],
)
async def test_what_is_wrong_is_an_invalid_argument(client: Client, body: Any, said: str) -> None:
    answer = await client.send("POST", f"{MODEL}:generateContent", body)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in answer.json["error"]["message"]


async def test_wishes_may_stand_behind_the_model(client: Client) -> None:
    answer = await client.send("POST", f"{MODEL}%23no-usage:streamGenerateContent?alt=sse", asking())
    assert not [chunk for chunk in answer.chunks if "usageMetadata" in chunk]


async def test_other_addresses_are_none(client: Client) -> None:
    assert (await generate(client, method="embed")).status == 404


async def test_a_raw_error_stands_on_lines_of_its_own(client: Client) -> None:
    answer = await generate(client, "[sim: raw-error model_unavailable]", "streamGenerateContent?alt=sse")
    before, _, error = answer.body.rpartition(b"\n\n")
    assert before.startswith(b"data: {")
    assert error.startswith(b"{\n")
    assert orjson.loads(error)["error"]["status"] == "UNAVAILABLE"


async def test_the_models(client: Client) -> None:
    listed = await client.send("GET", "/v1beta/models?pageSize=2")
    assert [len(listed.json["models"]), "nextPageToken" in listed.json] == [2, True]
    one = await client.send("GET", "/v1beta/models/qwen3.7-plus")
    assert one.json["name"] == "models/qwen3.7-plus"
    none = await client.send("GET", "/v1beta/models/gpt-4o")
    assert (none.status, none.json["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("wrapped", [True, False])
async def test_tokens_are_counted(client: Client, wrapped: bool) -> None:
    body = {"generateContentRequest": {"model": "models/x", **asking()}} if wrapped else asking()
    counted = await client.send("POST", f"{MODEL}:countTokens", body)
    asked = await generate(client)
    assert counted.json["totalTokens"] == asked.json["usageMetadata"]["promptTokenCount"]


async def test_the_key_of_the_query_is_not_kept(simulator: Simulator, client: Client) -> None:
    await client.send("POST", f"{MODEL}:generateContent?key=sk-simulator", asking(), headers=NOBODY)
    assert "sk-simulator" not in str(simulator.requests)
