"""The native face over the wire: its addresses, headers, answers and frames."""

import asyncio
import re
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenproxy.simulator.dashscope.face import Dashscope
from qwenproxy.simulator.known import KNOWN
from qwenproxy.simulator.refusals import Refused
from qwenproxy.simulator.server import Simulator
from qwenproxy.simulator.service import Service
from qwenproxy.wire.openai import Json
from tests.simulator.test_service import junk, requests
from tests.support.simulated import MODEL, NATIVE_CHAT, WEATHER, Client, png, until

THINKER = "qwen3.7-plus"
TEXT, SEEING = NATIVE_CHAT.format("text"), NATIVE_CHAT.format("multimodal")
HELLO: Json = {"model": MODEL, "input": {"messages": [{"role": "user", "content": "Hello"}]}}
FRAME = re.compile(rb"id:(\d+)\nevent:result\n:HTTP_STATUS/200\ndata:(\{.*\})\n\n")


async def test_a_whole_text(client: Client) -> None:
    answer = await client.native("Good morning")
    (choice,) = answer.json["output"]["choices"]
    assert answer.json.keys() == {"request_id", "output", "usage"}
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert choice.keys() == {"message", "finish_reason"}
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert "Good morning" in choice["message"]["content"]


async def test_a_whole_multimodal_answer_is_in_parts(client: Client) -> None:
    said = [{"role": "user", "content": [{"image": png(100, 60)}, {"text": "What is this?"}]}]
    answer = await client.native(said, model=THINKER)
    output, usage = answer.json["output"], answer.json["usage"]
    message = output["choices"][0]["message"]
    assert (output["text"], output["finish_reason"]) == (None, None)
    assert "100x60 pixels" in message["content"][0]["text"]
    assert "What is this?" in message["reasoning_content"]
    assert usage["image_tokens"] == usage["input_tokens_details"]["image_tokens"] > 0
    assert usage["output_tokens_details"]["reasoning_tokens"] > 0


async def test_a_stream_is_framed_as_the_gateway_does_it(client: Client) -> None:
    answer = await client.native("Good morning", model=THINKER, stream=True)
    frames = FRAME.findall(answer.body)
    assert FRAME.sub(b"", answer.body) == b""
    assert [int(number) for number, _ in frames] == list(range(1, len(frames) + 1))
    told = [orjson.loads(data) for _, data in frames]
    assert {frame["request_id"] for frame in told} == {answer.headers["x-request-id"]}
    finishes = [frame["output"]["choices"][0]["finish_reason"] for frame in told]
    assert finishes == ["null"] * (len(told) - 1) + ["stop"]
    costs = [frame["usage"]["total_tokens"] for frame in told]
    assert costs == sorted(costs)
    assert costs[-1] > costs[0]


async def test_increments_add_up_to_the_whole(client: Client) -> None:
    whole = (await client.native("Good morning", model=THINKER)).json["output"]["choices"][0]["message"]
    answer = await client.native("Good morning", model=THINKER, stream=True)
    assert answer.text == whole["content"][0]["text"]
    assert "".join(answer.said("reasoning_content")) == whole["reasoning_content"]
    assert [choice["message"]["content"] for choice in answer.choices][-1] == []


async def test_without_increments_each_frame_has_all_so_far(client: Client) -> None:
    answer = await client.native("Good morning", stream=True, incremental_output=False)
    said = answer.said()
    assert all(later.startswith(earlier) for earlier, later in pairwise(said))
    assert "Good morning" in said[-1]
    assert answer.choices[-1]["delta"]["content"] == said[-1]


@pytest.mark.parametrize("increments", [True, False])
async def test_calls_in_a_stream(client: Client, increments: bool) -> None:
    said = "What is the weather in Riga and Oslo?"
    answer = await client.native(said, stream=True, tools=[WEATHER], incremental_output=increments)
    assert answer.finishes == ["tool_calls"]
    calls = answer.calls if increments else answer.choices[-1]["delta"]["tool_calls"]
    told: dict[int, str] = {}
    for piece in calls:
        told[piece["index"]] = told.get(piece["index"], "") + piece["function"]["arguments"]
    assert told == {0: '{"city": "Riga"}', 1: '{"city": "Oslo"}'}


async def test_the_old_form_has_no_choices(client: Client) -> None:
    whole = (await client.native("Hello", model="qwen-plus", result_format=None)).json["output"]
    assert (whole.keys(), whole["finish_reason"]) == ({"text", "finish_reason"}, "stop")
    answer = await client.native("Hello", model="qwen-plus", stream=True, result_format="text")
    outputs = [frame["output"] for frame in answer.frames]
    assert "".join(output["text"] for output in outputs) == whole["text"]
    assert [outputs[0]["finish_reason"], outputs[-1]["finish_reason"]] == ["null", "stop"]


async def test_several_choices_each_tell_their_own_cost(client: Client) -> None:
    whole = (await client.native("Hello", model="qwen-plus", n=2)).json
    assert [choice["index"] for choice in whole["output"]["choices"]] == [0, 1]
    frames = (await client.native("Hello", model="qwen-plus", n=2, stream=True)).frames
    costs = {frame["output"]["choices"][0]["index"]: frame["usage"]["output_tokens"] for frame in frames}
    assert sum(costs.values()) == whole["usage"]["output_tokens"]


async def test_sources_of_a_search_are_told_here(client: Client) -> None:
    wanted: Json = {"enable_search": True, "search_options": {"enable_source": True}}
    whole = await client.native("Hello", **wanted)
    assert whole.json["output"]["search_info"]["search_results"][0]["index"] == 1
    first, *rest = (await client.native("Hello", stream=True, **wanted)).frames
    assert "search_info" in first["output"]
    assert all("search_info" not in frame["output"] for frame in rest)
    assert "search_info" not in (await client.native("Hello", enable_search=True)).json["output"]


async def test_logprobs_are_beside_the_message(client: Client) -> None:
    answer = await client.native("Hello", model="qwen3-32b", enable_thinking=False, logprobs=True, top_logprobs=2)
    (choice,) = answer.json["output"]["choices"]
    assert "".join(token["token"] for token in choice["logprobs"]["content"]) == choice["message"]["content"]


@pytest.mark.parametrize(("model", "path"), [(MODEL, SEEING), (THINKER, TEXT)], ids=["text", "multimodal"])
@pytest.mark.parametrize("stream", ["enable", "disable"])
async def test_the_wrong_address_for_a_model_is_refused(client: Client, model: str, path: str, stream: str) -> None:
    answer = await client.send("POST", path, {**HELLO, "model": model}, headers={"X-DashScope-SSE": stream})
    assert (answer.status, answer.json["code"], answer.kind) == (400, "InvalidParameter", "application/json")
    assert answer.json["message"] == "url error, check url!"
    assert answer.json.keys() == {"code", "message", "request_id"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/services/aigc/text2image/nonsense"), ("GET", TEXT), ("POST", TEXT + "/" + TEXT)],
)
async def test_an_address_that_is_none_is_refused_in_the_same_words(client: Client, method: str, path: str) -> None:
    answer = await client.send(method, path, HELLO if method == "POST" else None)
    assert (answer.status, answer.json["message"]) == (400, "url error, check url!")


async def test_only_the_header_asks_for_a_stream(client: Client) -> None:
    body = {**HELLO, "stream": True, "parameters": {"stream": True, "incremental_output": True}}
    assert (await client.send("POST", TEXT, body)).kind == "application/json"
    answer = await client.send("POST", TEXT, HELLO, headers={"X-DashScope-SSE": "Enable"})
    assert answer.kind == "text/event-stream;charset=UTF-8"


async def test_nothing_here_is_asynchronous(client: Client) -> None:
    answer = await client.send("POST", TEXT, HELLO, headers={"X-DashScope-Async": "enable"})
    assert (answer.status, answer.json["code"]) == (403, "AccessDenied")


@pytest.mark.parametrize("key", ["sk-other", ""])
async def test_a_wrong_key_is_refused(client: Client, key: str) -> None:
    answer = await client.send("POST", TEXT, HELLO, key=key)
    assert (answer.status, answer.json["code"]) == (401, "InvalidApiKey")


async def test_an_openai_request_is_refused(client: Client) -> None:
    answer = await client.send("POST", TEXT, {"model": MODEL, "messages": HELLO["input"]["messages"]})
    assert (answer.status, answer.json["code"]) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "Hello"}],
        [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}],
        [{"image_url": "https://a/b.png"}],
    ],
    ids=str,
)
async def test_openai_parts_are_refused(client: Client, content: list[Json]) -> None:
    answer = await client.native([{"role": "user", "content": content}], model=THINKER)
    assert (answer.status, answer.json["code"]) == (400, "InvalidParameter")
    assert "Unexpected item type in content" in answer.json["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"temperature": 2}, "Temperature should be in"),
        ({"max_tokens": 1_000_000}, "Range of max_tokens should be"),
        ({"tools": []}, "[] is too short"),
        ({"enable_thinking": True, "model": "qwen3-32b"}, "must be set to false for non-streaming"),
    ],
    ids=str,
)
async def test_the_common_rules_hold_here_too(client: Client, fields: Json, words: str) -> None:
    answer = await client.native("Hello", **fields)
    assert (answer.status, answer.json["code"]) == (400, "InvalidParameter")
    assert words in answer.json["message"]


async def test_a_model_that_is_not_there_is_not_found(client: Client) -> None:
    answer = await client.native("Hello", model="gpt-4o")
    assert (answer.status, answer.json["code"]) == (404, "ModelNotFound")


async def test_a_client_that_leaves_ends_its_answer(client: Client, simulator: Simulator) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.native("[sim: stall]", stream=True)
    assert await until(lambda: simulator.cancelled == 1)


def answered(body: Json, face: Dashscope) -> bool:
    try:
        return bool(Service(0, 0).chat(body, "1", face))
    except Refused as refused:
        return bool(refused.refusal.body("1", face.error))


FACES = st.builds(Dashscope, st.booleans(), st.booleans())


@settings(deadline=None)
@given(junk, requests, FACES)
def test_any_input_is_answered_or_refused(messages: object, parameters: Json, face: Dashscope) -> None:
    model = THINKER if face.multimodal else MODEL
    assert answered({"model": model, "input": {"messages": messages}, "parameters": parameters}, face)


@settings(deadline=None)
@given(requests, FACES)
def test_any_addition_to_a_good_request_is_answered_or_refused(parameters: Json, face: Dashscope) -> None:
    model = THINKER if face.multimodal else MODEL
    assert answered({**HELLO, "model": model, "parameters": parameters}, face)


@pytest.mark.parametrize("model", KNOWN)
async def test_every_known_model_answers_at_its_address(client: Client, model: str) -> None:
    assert (await client.native("Hello", model=model, stream=True)).done
