"""Stored responses and conversations, by the official client: carried on, looked up, replayed, cancelled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError
from openai.types.responses import Response

from qwenproxy.wire.openai import Json
from tests.support import responses
from tests.support.apps import App, Simulated, simulated

MODEL = "qwen3-coder-plus"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SLOW = "[sim: slow 20] Hello"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir) as found:
        yield found


async def ask(app: AsyncOpenAI, said: Any, **fields: Any) -> Response:
    answer: Response = await app.responses.create(model=MODEL, input=said, **fields)
    responses.validate_response(answer.to_dict())
    return answer


async def told(stream: Any) -> list[Json]:
    return [event.to_dict() async for event in stream]


async def finished(app: AsyncOpenAI, made: Response) -> Response:
    async with asyncio.timeout(10):
        while made.status in ("queued", "in_progress"):
            await asyncio.sleep(0.02)
            made = await app.responses.retrieve(made.id)
    return made


async def test_a_response_is_stored_unless_the_app_says_no(stage: Simulated) -> None:
    app = stage.app
    first = await ask(app, "Hello")
    assert first.to_dict()["store"] is True
    assert (await app.responses.retrieve(first.id)).to_dict() == first.to_dict()
    second = await ask(app, "Hello", store=False)
    assert second.to_dict()["store"] is False
    with pytest.raises(NotFoundError, match=f"Response with id '{second.id}' not found."):
        await app.responses.retrieve(second.id)


async def test_a_turn_with_a_tool_is_carried_on_by_the_result_alone(stage: Simulated) -> None:
    app = stage.app
    first = await ask(app, "What is the weather in Riga?", tools=[WEATHER], instructions="Be brief.")
    (call,) = [item for item in first.output if item.type == "function_call"]
    result = [{"type": "function_call_output", "call_id": call.call_id, "output": "4 C"}]
    stage.asked()
    second = await ask(app, result, tools=[WEATHER], previous_response_id=first.id)
    assert "get_weather says: “4 C”" in second.output_text
    assert second.previous_response_id == first.id
    third = await ask(app, "Thanks", tools=[WEATHER], previous_response_id=second.id)
    assert third.instructions is None
    _, asked = stage.asked()
    roles = [message["role"] for message in asked["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"], "instructions are not inherited"


async def test_a_streamed_id_can_be_carried_on_from(stage: Simulated) -> None:
    app = stage.app
    events = await told(await app.responses.create(model=MODEL, input="Hello", stream=True))
    response = responses.check(events)
    assert (await ask(app, "More", previous_response_id=response["id"])).status == "completed"


async def test_an_item_can_be_referred_to(stage: Simulated) -> None:
    first = await ask(stage.app, "Hello")
    stage.asked()
    said: list[Json] = [{"id": first.output[0].id}, {"role": "user", "content": "More"}]
    await ask(stage.app, said)
    (asked,) = stage.asked()
    assert [message["role"] for message in asked["messages"]] == ["assistant", "user"]
    assert asked["messages"][0]["content"] == first.output_text


async def test_input_items_are_listed_page_by_page(stage: Simulated) -> None:
    app = stage.app
    said = [{"role": "user", "content": str(number)} for number in range(5)]
    made = await ask(app, said)
    found = [item.to_dict() async for item in app.responses.input_items.list(made.id, limit=2)]
    texts: list[Any] = [item["content"] for item in found]
    assert [content[0]["text"] for content in texts] == ["4", "3", "2", "1", "0"]
    page = await app.responses.input_items.list(made.id, limit=2, order="asc", after=str(found[-1]["id"]))
    assert [item.id for item in page.data] == [found[-2]["id"], found[-3]["id"]]
    with pytest.raises(BadRequestError):
        await app.responses.input_items.list(made.id, limit=1_000)
    with pytest.raises(NotFoundError):
        await app.responses.input_items.list(made.id, after="msg_nowhere")


async def test_input_items_are_all_that_a_response_was_made_from(stage: Simulated) -> None:
    """Of earlier responses, too; where one of those is gone, its own input is left."""
    app = stage.app
    first = await ask(app, "Hello")
    second = await ask(app, "More", previous_response_id=first.id)
    items = [item async for item in app.responses.input_items.list(second.id, order="asc", limit=2)]
    assert [item.to_dict()["role"] for item in items] == ["user", "assistant", "user"]
    assert items[1].id == first.output[0].id
    await app.responses.delete(first.id)
    (item,) = [item async for item in app.responses.input_items.list(second.id)]
    assert item == items[2]


async def test_a_stream_is_replayed(stage: Simulated) -> None:
    app = stage.app
    events = await told(await app.responses.create(model=MODEL, input="Hello", stream=True))
    response = responses.check(events)
    again = await told(await app.responses.retrieve(response["id"], stream=True))
    assert again == events
    rest = await told(await app.responses.retrieve(response["id"], stream=True, starting_after=2))
    assert rest == events[3:]
    assert (await app.responses.retrieve(response["id"])).to_dict() == response


async def test_what_was_not_streamed_has_no_stream(stage: Simulated) -> None:
    made = await ask(stage.app, "Hello")
    with pytest.raises(BadRequestError) as caught:
        await stage.app.responses.retrieve(made.id, stream=True)
    assert caught.value.param == "stream"


async def test_a_removed_response_is_gone(stage: Simulated) -> None:
    made = await ask(stage.app, "Hello")
    await stage.app.responses.delete(made.id)
    for again in (stage.app.responses.retrieve, stage.app.responses.delete):
        with pytest.raises(NotFoundError):
            await again(made.id)
    with pytest.raises(BadRequestError) as caught:
        await ask(stage.app, "Hi", previous_response_id=made.id)
    assert caught.value.code == "previous_response_not_found"


async def test_two_keys_never_see_each_others(stage: Simulated) -> None:
    app = stage.app
    made = await ask(app, "Hello")
    events = await told(await app.responses.create(model=MODEL, input="Hello", stream=True))
    background = await ask(app, SLOW, background=True)
    conversation = await app.conversations.create(items=[{"role": "user", "content": "Hi"}])
    async with App(stage.proxy.base_url, api_key="another") as other:
        calls: list[Any] = [
            other.responses.retrieve(made.id),
            other.responses.retrieve(responses.check(events)["id"], stream=True),
            other.responses.delete(made.id),
            other.responses.cancel(background.id),
            other.responses.input_items.list(made.id),
            ask(other, "Hi", previous_response_id=made.id),
            ask(other, "Hi", conversation=conversation.id),
            ask(other, [{"type": "item_reference", "id": made.output[0].id}]),
            other.conversations.retrieve(conversation.id),
            other.conversations.update(conversation.id, metadata={"mine": "now"}),
            other.conversations.delete(conversation.id),
            other.conversations.items.list(conversation.id),
            other.conversations.items.create(conversation.id, items=[{"role": "user", "content": "Hi"}]),
        ]
        for call in calls:
            with pytest.raises(APIStatusError) as caught:
                await call
            assert "not found" in caught.value.message
    assert (await app.responses.retrieve(made.id)).id == made.id
    assert (await app.responses.cancel(background.id)).status == "cancelled"


async def test_a_conversation_grows_with_its_responses(stage: Simulated) -> None:
    app = stage.app
    made = await app.conversations.create(metadata={"topic": "x"}, items=[{"role": "user", "content": "I am Ann."}])
    stage.asked()
    first = await ask(app, "Hello", conversation=made.id)
    assert first.conversation is not None
    assert first.conversation.id == made.id
    await told(await app.responses.create(model=MODEL, input="More", conversation=made.id, stream=True))
    _, asked = stage.asked()
    assert [message["role"] for message in asked["messages"]] == ["user", "user", "assistant", "user"]
    items = [item async for item in app.conversations.items.list(made.id, order="asc", limit=2)]
    assert [item.to_dict()["role"] for item in items] == ["user", "user", "assistant", "user", "assistant"]
    one = await app.conversations.items.retrieve(items[2].id or "", conversation_id=made.id)
    assert one == items[2]
    await app.conversations.items.delete(items[2].id or "", conversation_id=made.id)
    assert len([item async for item in app.conversations.items.list(made.id)]) == 4
    await app.conversations.items.create(made.id, items=[{"role": "user", "content": "Bye"}])
    assert (await app.conversations.update(made.id, metadata={"topic": "y"})).metadata == {"topic": "y"}
    assert (await app.conversations.retrieve(made.id)).metadata == {"topic": "y"}
    assert (await app.conversations.delete(made.id)).deleted
    with pytest.raises(NotFoundError):
        await ask(app, "Hi", conversation=made.id)


async def test_the_background_is_polled(stage: Simulated) -> None:
    app = stage.app
    made = await ask(app, "Hello", background=True)
    assert (made.status, made.output) == ("queued", [])
    made = await finished(app, made)
    assert (made.status, made.background) == ("completed", True)
    assert made.output_text
    assert (await app.responses.cancel(made.id)).status == "completed", "it is too late"


async def test_the_background_is_streamed_and_resumed(stage: Simulated) -> None:
    app = stage.app
    stream = await app.responses.create(model=MODEL, input="Hello", background=True, stream=True)
    events: list[Json] = []
    async for event in stream:
        events.append(event.to_dict())
        if len(events) == 4:
            break
    await stream.close()
    assert [event["type"] for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    response = events[0]["response"]
    rest = await told(await app.responses.retrieve(response["id"], stream=True, starting_after=3))
    assert [event["sequence_number"] for event in (*events, *rest)] == list(range(len(events) + len(rest)))
    assert rest[-1]["type"] == "response.completed"
    assert (await app.responses.retrieve(response["id"])).to_dict() == rest[-1]["response"]


async def test_the_background_can_be_cancelled(stage: Simulated) -> None:
    app = stage.app
    made = await ask(app, SLOW, background=True, stream=False)
    assert (await app.responses.cancel(made.id)).status == "cancelled"
    assert (await app.responses.retrieve(made.id)).status == "cancelled"
    assert (await app.responses.cancel(made.id)).status == "cancelled"
    with pytest.raises(BadRequestError):
        await app.responses.cancel((await ask(app, "Hello")).id)


async def test_a_failure_in_the_background_is_told(stage: Simulated) -> None:
    made = await ask(stage.app, "[sim: error limit_requests] Hello", background=True)
    made = await finished(stage.app, made)
    assert made.status == "failed"
    assert made.error is not None
    assert made.error.code == "rate_limit_exceeded"


async def test_a_stream_that_the_app_leaves_is_cancelled(stage: Simulated) -> None:
    stream = await stage.app.responses.create(model=MODEL, input="[sim: stall 20] Hello", stream=True)
    first = await anext(stream)
    await stream.close()
    assert first.type == "response.created"
    made = await finished(stage.app, first.response)
    assert made.status == "cancelled"


async def test_nothing_is_stored_where_the_setting_says_so(confdir: Path) -> None:
    async with simulated(confdir, state="off") as stage:
        made = await ask(stage.app, "Hello")
        assert made.to_dict()["store"] is False
        with pytest.raises(NotFoundError) as caught:
            await stage.app.responses.retrieve(made.id)
        assert caught.value.code == "unsupported_endpoint"
        for fields in ({"previous_response_id": "x"}, {"conversation": "x"}, {"background": True}):
            with pytest.raises(BadRequestError) as refused:
                await ask(stage.app, "Hi", **fields)
            assert refused.value.code == "unsupported_parameter"


async def test_input_tokens_are_estimated(stage: Simulated) -> None:
    """With all that comes before, and not as a matter of fact."""
    app = stage.app
    first = await ask(app, "Hello world, how are you today?")
    counting = app.responses.input_tokens.with_raw_response
    alone = await counting.count(model=MODEL, input="Hello world, how are you today?")
    assert alone.headers["x-qwenproxy-estimated"] == "input_tokens=cl100k_base"
    again = await counting.count(model=MODEL, input="Hello world, how are you today?", previous_response_id=first.id)
    assert again.parse().input_tokens > 2 * alone.parse().input_tokens - 4 > 0
    with pytest.raises(BadRequestError) as caught:
        await app.responses.input_tokens.count(model=MODEL, input="More", previous_response_id="resp_x")
    assert caught.value.code == "previous_response_not_found"
