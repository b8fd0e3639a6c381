"""The Responses API over WebSockets: by the official client at every door, and message by message."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI, OpenAI
from openai.lib.responses_websocket import AsyncResponsesWebSocketSession, ResponsesWebSocketLimits
from openai.resources.responses.responses import AsyncResponsesConnection, ResponsesConnection
from openai.types.responses import Response, ResponsesServerEvent

from qwenproxy.wire.openai import Json
from tests.e2e.test_responses import WEATHER
from tests.support.apps import IN_TWO_CITIES, Scripted, Simulated, scripted, simulated
from tests.support.clients import App2, connected, trusting
from tests.support.completions import streamed
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE
from tests.support.simulated import until
from tests.support.sockets import CREATE, EVENT, UPGRADE, Socket, socket
from tests.support.stage import event
from tests.support.upstream import STREAM_HEAD

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning"),  # of the client's own making
]

KEY = "sk-app-SECRET"
MODEL = "qwen3-coder-plus"
LIMITS = ResponsesWebSocketLimits(
    max_lanes=4, max_events_per_lane=1000, max_events=1000, max_bytes_per_lane=1 << 20, max_bytes=1 << 20
)
DOORS = ("reverse", "reverse with TLS", "HTTPS proxy")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served(confdir: Path) -> AsyncIterator[Simulated]:
    authority(confdir)
    async with simulated(confdir, modes=(REVERSE, REGULAR), tools="calculate") as found:
        yield found


@pytest.fixture
def stage(served: Simulated) -> Simulated:
    """As if nobody had asked for anything."""
    served.asked()
    return served


def door(stage: Simulated, confdir: Path, name: str) -> tuple[str, Any]:
    """The base URL, and the options of the connection."""
    reverse, regular = stage.proxy.ports
    trust: Mapping[str, Any] = {"ssl": trusting(authority(confdir))}
    doors: Mapping[str, tuple[str, Any]] = {
        "reverse": (f"http://127.0.0.1:{reverse}/v1", {}),
        "reverse with TLS": (f"https://localhost:{reverse}/v1", trust),
        "HTTPS proxy": ("https://api.openai.com/v1", {**trust, "proxy": f"http://127.0.0.1:{regular}"}),
    }
    return doors[name]


def ended(told: ResponsesServerEvent) -> Response | None:
    """The response, if *told* ends one; each event is one of the package's, strictly."""
    EVENT.validate_json(told.to_json(use_api_names=True, exclude_unset=True))
    assert told.type != "error", told
    is_end = told.type in ("response.completed", "response.incomplete", "response.failed")
    return getattr(told, "response", None) if is_end else None


def heard(connection: ResponsesConnection) -> Response:
    return next(response for told in connection if (response := ended(told)) is not None)


async def heard_async(connection: AsyncResponsesConnection) -> Response:
    async for told in connection:
        if (response := ended(told)) is not None:
            return response
    raise AssertionError("the connection was closed")


def outputs(response: Response) -> Any:
    """What the app's tool says of each call."""
    calls = [item for item in response.output if item.type == "function_call"]
    assert calls
    return [{"type": "function_call_output", "call_id": call.call_id, "output": "4 C, rain"} for call in calls]


def first(**more: Any) -> Any:
    return {"model": MODEL, "store": False, "tools": [WEATHER], **more}


@pytest.mark.parametrize("name", DOORS)
async def test_openai_python_takes_several_turns_with_a_tool(stage: Simulated, confdir: Path, name: str) -> None:
    base_url, options = door(stage, confdir, name)

    def turns() -> list[Response]:
        with (
            OpenAI(base_url=base_url, api_key=KEY) as client,
            client.responses.connect(websocket_connection_options=options) as connection,
        ):
            connection.response.create(**first(input=[], generate=False))
            warm = heard(connection)
            connection.response.create(**first(input=IN_TWO_CITIES, previous_response_id=warm.id))
            called = heard(connection)
            connection.response.create(**first(input=outputs(called), previous_response_id=called.id))
            answered = heard(connection)
            connection.response.create(model=MODEL, input="Hello", previous_response_id=answered.id)
            return [warm, called, answered, heard(connection)]

    warm, called, answered, last = await asyncio.to_thread(turns)
    assert (warm.output, called.output_text) == ([], "")
    assert "4 C, rain" in answered.output_text
    assert last.previous_response_id == answered.id
    rounds = stage.asked()
    assert len(rounds) == 3, "nobody is asked for what is only prepared"
    assert [message["role"] for message in rounds[-1]["messages"]] == [
        "user",
        "assistant",
        *["tool"] * len(outputs(called)),
        "assistant",
        "user",
    ]


@pytest.mark.parametrize("name", DOORS)
async def test_the_async_client_does_so_too_in_lanes(stage: Simulated, confdir: Path, name: str) -> None:
    base_url, options = door(stage, confdir, name)
    async with (
        AsyncOpenAI(base_url=base_url, api_key=KEY) as client,
        client.responses.connect(websocket_connection_options=options) as connection,
    ):
        await connection.response.create(**first(input=IN_TWO_CITIES))
        called = await heard_async(connection)
        await connection.response.create(**first(input=outputs(called), previous_response_id=called.id))
        assert "4 C, rain" in (await heard_async(connection)).output_text
        async with AsyncResponsesWebSocketSession(connection, limits=LIMITS) as session:
            lanes = [session.lane(name) for name in ("a", "b", "c")]
            for lane in lanes:
                await lane.send({"type": "response.create", "model": MODEL, "input": "Hello", "store": False})
            responses = [await lane.get_final_response() for lane in lanes]
            assert {response.status for response in responses} == {"completed"}
            await lanes[0].send(
                {"type": "response.create", "model": MODEL, "input": "And?", "previous_response_id": responses[0].id}
            )
            assert (await lanes[0].get_final_response()).previous_response_id == responses[0].id


async def test_an_error_is_told_and_the_connection_goes_on(stage: Simulated) -> None:
    def turns() -> list[Any]:
        with (
            OpenAI(base_url=stage.proxy.base_url, api_key=KEY) as client,
            client.responses.connect() as connection,
        ):
            connection.response.create(model=MODEL, input="Hello", previous_response_id="resp_gone", stream_id="main")
            lost = connection.recv()
            connection.response.create(model="nonesuch-qwen3", input="Hello", temperature=9)
            wrong = connection.recv()
            connection.response.create(model=MODEL, input="Hello")
            return [lost, wrong, heard(connection)]

    lost, wrong, response = await asyncio.to_thread(turns)
    assert (lost.type, lost.status, lost.stream_id) == ("error", 400, "main")
    assert (lost.error.code, lost.error.param) == ("previous_response_not_found", "previous_response_id")
    assert (wrong.type, wrong.status, wrong.error.param) == ("error", 400, "temperature")
    assert response.status == "completed"


async def test_the_proxys_own_tools_are_run_on_the_way(stage: Simulated) -> None:
    async with socket(connected(stage.proxy.ports[0])) as app:
        await app.create(model=MODEL, input="What is 17^23 mod 1000?")
        response = await app.response()
    assert [item["type"] for item in response["output"]] == ["message"]
    assert "713" in response["output"][0]["content"][0]["text"]
    assert len(stage.asked()) == 2


async def test_what_is_stored_is_found_over_http_and_by_other_connections(stage: Simulated) -> None:
    key = {"authorization": f"Bearer {KEY}"}
    async with socket(connected(stage.proxy.ports[0]), **key) as app:
        await app.create(model=MODEL)
        stored = await app.response()
        await app.create(model=MODEL, store=False)
        unstored = await app.response()
        await app.create(model=MODEL, input="More", previous_response_id=unstored["id"])
        later = await app.response()
    async with AsyncOpenAI(base_url=stage.proxy.base_url, api_key=KEY) as client:
        assert (await client.responses.retrieve(stored["id"])).output_text == text_of(stored)
    async with socket(connected(stage.proxy.ports[0]), **key) as app:
        await app.create(model=MODEL, input="More", previous_response_id=stored["id"])
        assert (await app.response())["previous_response_id"] == stored["id"]
        await app.create(model=MODEL, input="More", previous_response_id=unstored["id"])
        assert await app.error() == (400, "previous_response_not_found")
        stage.asked()
        await app.create(model=MODEL, input="Most", previous_response_id=later["id"])
        await app.response()
        (asked,) = stage.asked()
        assert [message["role"] for message in asked["messages"]] == ["user", "assistant"] * 2 + ["user"]
    async with socket(connected(stage.proxy.ports[0]), authorization="Bearer sk-somebody-else") as app:
        await app.create(model=MODEL, input="More", previous_response_id=stored["id"])
        assert await app.error() == (400, "previous_response_not_found")


def text_of(response: Json) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


async def test_what_failed_is_forgotten_by_its_lane(stage: Simulated) -> None:
    async with socket(connected(stage.proxy.ports[0])) as app:
        await app.create(model=MODEL, store=False)
        name = (await app.response())["id"]
        await app.create(model=MODEL, store=False, previous_response_id=name, stream_id="fork", temperature="x")
        assert await app.error("fork") == (400, "invalid_type")
        await app.create(model=MODEL, store=False, previous_response_id=name, temperature="x")
        assert await app.error() == (400, "invalid_type")
        await app.create(model=MODEL, store=False, previous_response_id=name)
        assert await app.error() == (400, "previous_response_not_found")


async def test_over_http2_there_are_none(stage: Simulated, confdir: Path) -> None:
    """Neither by HTTP/1.1's headers nor by extended CONNECT (RFC 8441), which is not offered."""
    async with connected(stage.proxy.ports[0]) as app:
        await app.writer.start_tls(trusting(authority(confdir), "h2"), server_hostname="api.openai.com")
        http2 = App2(app)
        assert (await http2.ask(CREATE | {"model": MODEL}, "/v1/responses")).status == 200
        assert http2.extended_connect == 0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bare(confdir: Path) -> AsyncIterator[Scripted]:
    async with scripted(confdir, streamed("Hi"), websockets="on", heartbeat="0.2", body_limit="1m") as found:
        yield found


async def begun(app: Socket) -> None:
    """Until the first word of a response is there."""
    while (await app.next())["type"] != "response.output_text.delta":
        pass


@pytest.mark.parametrize("how", ["with a word", "without"])
async def test_an_app_that_leaves_cancels_the_call(bare: Scripted, how: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "qwenproxy.exchange")
    gone = asyncio.Event()

    async def slow(connection: Any) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        await connection.gone()
        gone.set()

    bare.upstream.replies[:] = [slow]
    async with socket(connected(bare.proxy.ports[0])) as app:
        await app.create(input="Hello")
        await begun(app)
        if how == "with a word":
            await app.leave()
    async with asyncio.timeout(10):
        await gone.wait()
    assert await until(lambda: "WEBSOCKET responses 499" in caplog.text)


async def test_an_answer_that_breaks_off_has_failed_and_says_so_once(bare: Scripted) -> None:
    async def cut(connection: Any) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        connection.writer.close()

    bare.upstream.replies[:] = [cut, streamed("Hi")]
    async with socket(connected(bare.proxy.ports[0])) as app:
        await app.create()
        events = await app.events()
        assert [told["type"] for told in events if told["type"] in ("error", "response.failed")] == ["response.failed"]
        assert [told["sequence_number"] for told in events] == list(range(len(events)))
        await app.create()
        assert (await app.response())["status"] == "completed"


async def test_whoever_reads_slowly_is_told_slowly(bare: Scripted) -> None:
    """What the app does not read stays at the upstream, and not in the proxy's memory."""
    words, sent = b"x" * 50_000, 0

    async def endless(connection: Any) -> None:
        nonlocal sent
        await connection.send(STREAM_HEAD)
        for _ in range(2_000):
            await connection.send(event(words.decode()))
            sent += 1

    bare.upstream.replies[:] = [endless]
    async with socket(connected(bare.proxy.ports[0])) as app:
        await app.create()
        await begun(app)
        count = -1
        while count != sent:
            count = sent
            await asyncio.sleep(0.5)
        assert count < 1_000
        await app.next()


async def test_a_message_that_is_too_large_is_refused(bare: Scripted) -> None:
    async with socket(connected(bare.proxy.ports[0])) as app:
        await app.create(input="x" * (1024 * 1024))
        assert await app.error() == (413, "request_too_large")
        assert await app.closed() == (1009, "more than 1048576 bytes")


async def test_what_the_app_shows_goes_nowhere(bare: Scripted) -> None:
    bare.upstream.replies[:] = [streamed("Hi")]
    bare.upstream.asked.clear()
    async with socket(connected(bare.proxy.ports[0]), authorization=f"Bearer {KEY}", cookie="SECRET") as app:
        await app.create()
        await app.response()
    assert "SECRET" not in str(bare.upstream.asked)


async def test_a_foreign_page_may_not(bare: Scripted) -> None:
    async with connected(bare.proxy.ports[0]) as app:
        refused = await app.ask("GET", "/v1/responses", origin="https://page.example", **UPGRADE)
        assert refused.error == (403, "forbidden")


async def test_switched_off_the_app_is_sent_to_plain_http(bare: Scripted) -> None:
    bare.proxy.master.options.update(qwen_websockets=False)
    try:
        async with connected(bare.proxy.ports[0]) as app:
            refused = await app.ask("GET", "/v1/responses", **UPGRADE)
            assert refused.error == (426, "websocket_not_supported")
    finally:
        bare.proxy.master.options.update(qwen_websockets=True)


async def test_new_settings_hold_for_a_connection_that_is_there(bare: Scripted) -> None:
    bare.upstream.replies[:] = [streamed("Hi")]
    async with socket(connected(bare.proxy.ports[0])) as app:
        await app.create()
        name = (await app.response())["id"]
        bare.proxy.master.options.update(qwen_default_model="qwen-max")
        await app.create(previous_response_id=name, model="gpt-4o")
        await app.response()
        assert bare.upstream.asked[-1].json["model"] == "qwen-max"
        bare.proxy.master.options.update(qwen_default_model="")
