"""Each row of the table of scenarios, as a client sees it."""

import asyncio
import time

import aiohttp
import pytest

from qwenproxy.models import Row
from qwenproxy.simulator.compatible import Compatible
from qwenproxy.simulator.scenarios import SCENARIOS, Script, is_on, rule
from qwenproxy.simulator.server import Simulator
from tests.support.scenario_cases import CASES, CITY, Case
from tests.support.simulated import WEATHER, Client, until

TIMED = {"slow", "think", "silence"}
ENDLESS = {"stall", "hang"}
ONCE = {"disconnect"}


def test_every_scenario_of_the_openai_like_face_has_its_case() -> None:
    assert {*CASES, *TIMED, *ENDLESS, *ONCE} == {name for name in SCENARIOS if is_on(name, Compatible)}


ROWS = [(name, case) for name, cases in CASES.items() for case in cases]


@pytest.mark.parametrize(("name", "case"), ROWS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(ROWS)])
async def test_a_scenario_does_what_it_says(client: Client, name: str, case: Case) -> None:
    answer = await client.chat(case.said, **{"stream": True, "stream_options": {"include_usage": True}, **case.fields})
    assert case.fits(answer), answer.body.decode(errors="replace")


@pytest.mark.parametrize("name", sorted(TIMED))
@pytest.mark.parametrize("stream", [True, False])
async def test_a_pause_is_as_long_as_is_asked(client: Client, name: str, stream: bool) -> None:
    start = time.monotonic()
    answer = await client.chat(f"[sim: {name} 0.15]", stream=stream)
    assert time.monotonic() - start >= 0.15
    assert answer.done if stream else answer.json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("name", sorted(ENDLESS))
@pytest.mark.parametrize("stream", [True, False])
async def test_an_endless_answer_ends_when_the_client_leaves(
    client: Client, simulator: Simulator, name: str, stream: bool
) -> None:
    asking = asyncio.create_task(client.chat(f"[sim: {name}]", stream=stream))
    assert await until(lambda: bool(simulator.requests))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await until(lambda: simulator.cancelled == 1)


async def test_a_disconnect_happens_to_the_first_of_equal_requests(client: Client, simulator: Simulator) -> None:
    for said in ("[sim: disconnect] one", "[sim: disconnect] two"):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.chat(said)
        assert (await client.chat(said)).status == 200
    assert simulator.cancelled == 0


async def test_once_means_the_first_time_only(client: Client) -> None:
    said = "[sim: error internal_error once] Hello"
    assert [(await client.chat(said)).status for _ in range(3)] == [500, 200, 200]


async def test_a_wish_waits_for_a_request_that_is_right(client: Client) -> None:
    said = "[sim: error internal_error once] Hello"
    assert (await client.chat(said, temperature=2)).status == 400
    assert (await client.chat(said)).status == 500


async def test_scenarios_can_be_asked_for_together(client: Client) -> None:
    answer = await client.chat(f"[sim: crlf] [sim: finish-stop] {CITY}", stream=True, tools=[WEATHER])
    assert b"\r\n" in answer.body
    assert answer.finishes == ["stop"]


async def test_a_model_name_can_ask_too(client: Client) -> None:
    answer = await client.chat("Hello", model="qwen3-coder-plus#no-done#words=3", stream=True)
    assert not answer.done
    assert answer.text == "word1 word2 word3"
    assert {chunk["model"] for chunk in answer.chunks} == {"qwen3-coder-plus"}


async def test_an_unknown_scenario_is_refused_with_the_list_of_known_ones(client: Client) -> None:
    answer = await client.chat("[sim: nonsense]")
    assert answer.status == 400
    assert all(name in answer.error["message"] for name in SCENARIOS)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("max_output 5", Row(max_output=5)),
        ("max_thinking=7", Row(max_thinking=7)),
        ("vision yes", Row(vision=True)),
        ("required_choice=false", Row(required_choice=False)),
        ("thinking=always", Row(thinking="always")),
    ],
    ids=str,
)
def test_a_rule_changes_one_value_of_a_row(argument: str, expected: Row) -> None:
    assert rule(Row(), argument) == expected


@pytest.mark.parametrize("argument", ["", "nonsense=1", "max_output=many", "reserved_names=x"])
def test_a_rule_that_cannot_be_is_refused(argument: str) -> None:
    with pytest.raises(ValueError):
        rule(Row(), argument)


def test_every_row_says_what_it_does_in_one_line() -> None:
    assert all(scenario.does and "\n" not in scenario.does for scenario in SCENARIOS.values())


def test_every_row_does_something_somewhere() -> None:
    places = ("wish", "rule", "refusal", "reply", "form", "distorts", "frame", "steps")
    assert all(any(getattr(row, place) for place in places) for row in SCENARIOS.values())


def test_a_script_without_scenarios_changes_nothing() -> None:
    script = Script([], Compatible())
    assert script.row(Row()) == Row()
    assert script.refusal() is None
    assert (script.streams(True), script.streams(False)) == (True, False)
    assert script.frame(b"data: {}\n\n") == b"data: {}\n\n"
