"""What users have reported of other bridges to the Responses API, each by its number in the list of known bugs.

Most would be seen in any of the tests around; here each can be found by itself.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from qwenproxy.wire.openai import Json
from tests.endpoints.responses import asking as a
from tests.support import responses
from tests.support.apps import IN_TWO_CITIES, WEATHER, App, Simulated, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODER, THINKER = "qwen3-coder-plus", "qwen3.7-plus"
FLAT: Json = {"type": "function", "strict": False} | WEATHER["function"]
CUSTOM: Json = {"type": "custom", "name": "run"}
CRM: Json = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [FLAT]}
SHOWN: Json = {"effort": "low", "summary": "auto"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir) as found:
        found.asked()
        yield found


async def wire(stage: Simulated, path: str, body: Json) -> bytes:
    """A streamed answer, byte for byte."""
    url = f"{stage.proxy.base_url}/{path}"
    key = {"authorization": "Bearer fake-api-key"}
    asked = {"model": CODER, "stream": True} | body
    async with aiohttp.ClientSession() as http, http.post(url, json=asked, headers=key) as answer:
        return await answer.read()


async def told(stage: Simulated, said: Any, **fields: Any) -> list[Json]:
    """The events of a streamed response, which are checked."""
    stage.asked()
    events = responses.read(await wire(stage, "responses", {"input": said} | fields))
    responses.check(events)
    return events


async def output(stage: Simulated, said: Any, **fields: Any) -> list[Json]:
    items: list[Json] = (await told(stage, said, **fields))[-1]["response"]["output"]
    return items


def kinds(events: list[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


async def test_01_texts_have_their_done_events(stage: Simulated) -> None:
    found = kinds(await told(stage, "Hello"))
    assert found[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]


async def test_02_the_final_output_is_the_streamed_one_with_its_ids_and_custom_tools(stage: Simulated) -> None:
    events = await told(stage, "[sim: call run] Hello", tools=[CUSTOM])
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == events[-1]["response"]["output"]
    assert [item["type"] for item in done] == ["custom_tool_call"]


async def test_03_items_have_ids_that_openai_takes_back(stage: Simulated) -> None:
    items = await output(stage, IN_TWO_CITIES, tools=[FLAT], model=THINKER)
    assert [item["id"].split("_")[0] for item in items] == ["rs", "fc", "fc"]


async def test_04_no_piece_is_of_an_item_or_a_part_that_was_not_announced(stage: Simulated) -> None:
    announced: set[tuple[str, str, int]] = set()
    for event in await told(stage, "Hello", model=THINKER, reasoning=SHOWN):
        name = event["type"].removeprefix("response.")
        part = "summary" if name.startswith("reasoning_summary") else "content"
        place = (part, event.get("item_id", ""), event.get(f"{part}_index", 0))
        if name in ("reasoning_summary_part.added", "content_part.added"):
            announced.add(place)
        elif name.endswith((".delta", "_text.done")):
            assert place in announced
    assert {part for part, *_ in announced} == {"summary", "content"}
    assert len(announced) == 2, "one id for all pieces"


async def test_05_sequence_numbers_count_from_0(stage: Simulated) -> None:
    events = await told(stage, "Hello")
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


async def test_06_pieces_tell_their_place(stage: Simulated) -> None:
    pieces = [event for event in await told(stage, "Hello") if event["type"] == "response.output_text.delta"]
    assert {(piece["output_index"], piece["content_index"]) for piece in pieces} == {(0, 0)}


async def test_07_the_first_event_has_model_and_time(stage: Simulated) -> None:
    first = (await told(stage, "Hello"))[0]["response"]
    assert first["model"] == CODER
    assert isinstance(first["created_at"], int)


@pytest.mark.parametrize("said", ["Hello", "[sim: cut] Hello", "[sim: stream-error] Hello"])
async def test_08_nothing_comes_before_the_response_is_created(stage: Simulated, said: str) -> None:
    assert kinds(await told(stage, said))[:2] == ["created", "in_progress"]


async def test_09_a_streamed_response_is_gone_on_from_by_the_result_alone(stage: Simulated) -> None:
    said = [{"role": "user", "content": "Hello"}, {"role": "user", "content": "What is the weather in Riga?"}]
    response = (await told(stage, said, tools=[FLAT]))[-1]["response"]
    (call,) = response["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "4 C"}
    (message,) = await output(stage, [result], previous_response_id=response["id"], tools=[FLAT])
    assert "4 C" in message["content"][0]["text"]
    (asked,) = stage.asked()
    assert [message["role"] for message in asked["messages"]] == ["user", "user", "assistant", "tool"]


async def test_10_a_nested_tool_choice_is_understood_and_said_back_flat(stage: Simulated) -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    events = await told(stage, "Hello", tools=[FLAT], tool_choice=choice)
    assert events[0]["response"]["tool_choice"] == {"type": "function", "name": "get_weather"}
    assert events[-1]["response"]["output"][0]["name"] == "get_weather"


async def test_11_a_text_and_a_call_are_both_told() -> None:
    events = a.told(a.ask(), [a.text("Let me see."), a.calling(0, "f", "{}"), a.CALLED])
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message", "function_call"]


async def test_12_all_chunks_of_a_chat_have_one_id(stage: Simulated) -> None:
    assert len({chunk.id async for chunk in await stage.app.stream("Hello", CODER)}) == 1


async def test_13_thinking_is_no_text_and_calls_are_there_on_replay(stage: Simulated) -> None:
    reasoning, message = await output(stage, "[sim: think-leaked] Hello", model=THINKER, reasoning=SHOWN)
    assert reasoning["summary"][0]["text"] not in message["content"][0]["text"]
    assert "<think>" not in str(message)
    question = {"role": "user", "content": IN_TWO_CITIES}
    calls = await output(stage, [question], model=THINKER, tools=[FLAT])
    gave = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "4 C"}
        for item in calls
        if item["type"] == "function_call"
    ]
    await told(stage, [question, *calls, *gave], model=THINKER, tools=[FLAT])
    (asked,) = stage.asked()
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant", "tool", "tool"]
    assert len(asked["messages"][1]["tool_calls"]) == 2


@pytest.mark.parametrize("where", ["tools", "additional_tools"])
async def test_14_a_namespaces_tool_is_offered_and_has_its_names_back(stage: Simulated, where: str) -> None:
    said: list[Json] = [{"role": "user", "content": "[sim: call crm__get_weather] Riga"}]
    if where == "tools":
        items = await output(stage, said, tools=[CRM])
    else:
        items = await output(stage, [{"type": where, "tools": [CRM]}, *said])
    assert [(item["name"], item["namespace"]) for item in items] == [("get_weather", "crm")]


async def test_15_a_custom_tool_has_its_name_and_its_input(stage: Simulated) -> None:
    events = await told(stage, "[sim: call run] Hello", tools=[CUSTOM])
    (item,) = events[-1]["response"]["output"]
    (done,) = [event for event in events if event["type"] == "response.custom_tool_call_input.done"]
    assert item["name"] == "run"
    assert item["input"] == done["input"] != ""
    (asked,) = stage.asked()
    assert asked["tools"][0]["function"]["parameters"]["required"] == ["input"]


async def test_16_a_completed_response_has_an_output() -> None:
    assert a.output(a.ask(), a.STOP)[0]["type"] == "message"


async def test_17_a_stream_without_its_done_marker_is_completed(stage: Simulated) -> None:
    assert kinds(await told(stage, "[sim: no-done] Hello"))[-1] == "completed"


async def test_18_usage_in_mid_answer_ends_no_call(stage: Simulated) -> None:
    (call,) = await output(stage, "[sim: usage-first] What is the weather in Riga?", tools=[FLAT])
    assert orjson.loads(call["arguments"]) == {"city": "Riga"}


async def test_19_a_response_is_found_after_others_by_another_connection(stage: Simulated) -> None:
    response = (await told(stage, "Hello"))[-1]["response"]
    for _ in range(20):
        await told(stage, "Hello")
    async with App(stage.proxy.base_url) as app:
        assert await app.responses.create(model=CODER, input="More", previous_response_id=response["id"])


@pytest.mark.parametrize("marker", ["cut", "reset", "closed", "no-finish"])
async def test_20_a_truncated_answer_is_no_success(stage: Simulated, marker: str) -> None:
    found = kinds(await told(stage, f"[sim: {marker}] Hello"))
    assert found[-1] == ("completed" if marker == "no-finish" else "failed")


async def test_21_each_choice_has_its_index(stage: Simulated) -> None:
    said: dict[int, str] = {}
    async for chunk in await stage.app.stream("Hello", CODER, n=2):
        for choice in chunk.choices:
            said[choice.index] = said.get(choice.index, "") + (choice.delta.content or "")
    assert set(said) == {0, 1}
    assert all(said.values())


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "get_weather"}])
async def test_22_a_thinking_model_takes_a_demanded_call(stage: Simulated, choice: Any) -> None:
    items = await output(stage, "Riga", model=THINKER, tools=[FLAT], tool_choice=choice)
    assert items[-1]["type"] == "function_call"


@pytest.mark.parametrize("marker", ["unclosed-arguments", "cumulative-arguments", "no-arguments"])
async def test_22_arguments_come_whole_however_they_were_sent(stage: Simulated, marker: str) -> None:
    items = await output(stage, f"[sim: {marker}] What is the weather in Riga?", tools=[FLAT])
    (call,) = [item for item in items if item["type"] == "function_call"]
    assert orjson.loads(call["arguments"]) == ({} if marker == "no-arguments" else {"city": "Riga"})


async def test_23_effort_is_said_in_each_apis_own_way(stage: Simulated) -> None:
    answer = await stage.app.responses.with_raw_response.create(
        model=THINKER, input="Hello", extra_body={"reasoning_effort": "low"}
    )
    assert "reasoning_effort" in answer.headers["x-qwenproxy-dropped"]
    await told(stage, "Hello", model=THINKER, reasoning={"effort": "low"})
    (asked,) = stage.asked()
    assert "reasoning" not in asked
    assert asked["enable_thinking"] is True


async def test_24_an_output_that_was_a_text_stays_one(stage: Simulated) -> None:
    said: list[Json] = [
        {"role": "user", "content": "Hello"},
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": '{"degrees": 4}'},
    ]
    await told(stage, said, tools=[FLAT])
    (asked,) = stage.asked()
    assert asked["messages"][-1]["content"] == '{"degrees": 4}'


@pytest.mark.parametrize("effort", ["none", "minimal"])
async def test_25_thinking_is_switched_off(stage: Simulated, effort: str) -> None:
    items = await output(stage, "Hello", model=THINKER, reasoning={"effort": effort})
    (asked,) = stage.asked()
    assert asked["enable_thinking"] is False
    assert [item["type"] for item in items] == ["message"]
