"""Every oddity of the simulator's table, through the proxy: the app gets a whole answer, or exactly one clear error."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import aiohttp
import orjson
import pytest
import pytest_asyncio

from qwenproxy.simulator.compatible import Compatible
from qwenproxy.simulator.scenarios import SCENARIOS, is_on
from tests.support.apps import IN_TWO_CITIES, OSLO, RIGA, WEATHER, Simulated, simulated
from tests.support.heard import Heard, hear

pytestmark = pytest.mark.asyncio(loop_scope="module")

type Fits = Callable[[Heard], bool]

TEXT = (
    "Hello! This is MODEL, simulated – no account, no network. You wrote: “Good morning”. "
    "I am only a script, so I cannot say more, but your request arrived as it should. 👋"
)
"""What the simulator says to `Good morning`."""


class Way(NamedTuple):
    """How an answer comes: to the app, and from a model that is asked for a stream anyway if it thinks."""

    stream: bool
    model: str

    @property
    def json(self) -> bool:
        """The upstream answers in one piece."""
        return not self.stream and self.model == CODER


CODER, THINKER = "qwen3-coder-plus", "qwen3.7-plus"
WAYS = {"streamed": Way(True, CODER), "whole": Way(False, CODER), "gathered": Way(False, THINKER)}


def greets(heard: Heard) -> bool:
    """All that the simulator says, nothing twice, nothing broken."""
    greetings = [TEXT.replace("MODEL", model) for model in (CODER, THINKER)]
    return heard.text in greetings and heard.finish == "stop" and heard.error is None


def says(*texts: str) -> Fits:
    return lambda heard: all(text in heard.text for text in texts) and heard.finish == "stop" and heard.error is None


def calls(*arguments: str, finish: str = "tool_calls") -> Fits:
    """Calls of the one tool, with these arguments, however they are spaced."""

    def fits(heard: Heard) -> bool:
        found = [(name, value_of(text)) for name, text in heard.calls]
        return found == [("get_weather", value_of(text)) for text in arguments] and heard.finish == finish

    return fits


def value_of(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def fails(code: str, status: int) -> Fits:
    """One error: as the status where nothing had been said, else within the stream."""
    return lambda heard: heard.code == code and heard.status == (200 if heard.message else status)


@dataclass(frozen=True)
class Case:
    """What the app must get.  *json*: the same where the upstream answers in one piece, if that is another thing."""

    fits: Fits
    argument: str = ""
    said: str = "Good morning"
    json: Fits | None = None
    parallel: bool | None = None
    """The request offers the tool, and this is what it says of parallel calls."""
    waits: bool = False
    """Takes until the upstream is given up."""

    @property
    def tools(self) -> bool:
        return self.said != "Good morning" or self.parallel is not None


def called(*arguments: str, finish: str = "tool_calls", json: Fits | None = None) -> Case:
    """A case of tool calls."""
    return Case(calls(*arguments, finish=finish), said=IN_TWO_CITIES, json=json)


BOTH = called(RIGA, OSLO)
PLAIN = Case(greets)
CUT = fails("upstream_stream_cut", 502)
SILENT = fails("upstream_timeout", 504)
ERROR = fails("upstream_error", 502)

CASES: dict[str, Case] = {
    "call": Case(lambda heard: [name for name, _ in heard.calls] == ["get_weather"], "get_weather", parallel=True),
    "talk": Case(says("Riga and Oslo"), said=IN_TWO_CITIES),
    "parallel": Case(calls(RIGA), said=IN_TWO_CITIES, parallel=False),
    "rounds": Case(lambda heard: [name for name, _ in heard.calls] == ["get_weather"], "2", parallel=True),
    "words": Case(lambda heard: heard.text == " ".join(f"word{at}" for at in range(1, 51)), "50"),
    "flood": Case(lambda heard: heard.text == " a b" * 3000, "3000"),
    "row": Case(greets, "max_output=200"),
    "empty-ids": BOTH,
    "repeated-names": BOTH,
    "clean-calls": BOTH,
    "no-index": BOTH,
    "zero-index": BOTH,
    "reused-index": BOTH,
    "no-ids": BOTH,
    "split-name": BOTH,
    "late-name": BOTH,
    "cumulative-arguments": BOTH,
    "no-arguments": called("{}", "{}"),
    "single-quotes": BOTH,
    "xml-arguments": BOTH,
    "trailing-junk": BOTH,
    "unclosed-arguments": BOTH,
    "cut-arguments": called('{"city": "Riga', '{"city": "Oslo', finish="length"),
    "glued-calls": BOTH,
    "finish-stop": BOTH,
    "call-leaked": Case(says("<tool_call>"), said=IN_TWO_CITIES),
    "call-leaked-xml": Case(says("<function=get_weather>"), said=IN_TWO_CITIES),
    "think-leaked": Case(lambda heard: greets(heard) and heard.reasoning != ""),
    "think-closing": Case(says("</think>", "it should. 👋")),
    "content-filter": Case(lambda heard: heard.finish == "content_filter" and heard.error is None),
    "error-finish": Case(ERROR),
    "cumulative-content": PLAIN,
    "finish": PLAIN,
    "no-finish": PLAIN,
    "two-finishes": PLAIN,
    "usage-first": PLAIN,
    "finish-with-usage": PLAIN,
    "no-usage": Case(lambda heard: greets(heard) and heard.usage is None, json=greets),
    "usage-total": Case(lambda heard: greets(heard) and heard.usage is not None and heard.usage["total_tokens"] > 0),
    "null-finish": PLAIN,
    "nulls": PLAIN,
    "empty": Case(CUT, json=greets),
    "stream-error": Case(ERROR, json=greets),
    "first-error": Case(fails("rate_limit_exceeded", 429), "limit_requests", json=greets),
    "comments": PLAIN,
    "event-lines": PLAIN,
    "crlf": PLAIN,
    "cr": PLAIN,
    "no-space": PLAIN,
    "data-lines": PLAIN,
    "split-bytes": PLAIN,
    "one-byte": PLAIN,
    "no-done": PLAIN,
    "json": PLAIN,
    "sse": PLAIN,
    "slow": Case(greets, "0.1"),
    "think": Case(greets, "0.1"),
    "silence": Case(greets, "0.1"),
    "stall": Case(SILENT, waits=True),
    "hang": Case(SILENT, waits=True),
    "cut": Case(CUT),
    "reset": Case(CUT),
    "closed": Case(CUT),
    "nothing": Case(CUT),
    "disconnect": PLAIN,
    "error": Case(fails("insufficient_quota", 429), "free_quota"),
    "sse-error": Case(fails("rate_limit_exceeded", 429), "limit_requests"),
    "html": Case(fails("upstream_blocked", 502)),
}


async def test_every_oddity_has_its_case() -> None:
    assert CASES.keys() == {name for name in SCENARIOS if is_on(name, Compatible)}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir, idle_timeout="2") as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def check(stage: Simulated, http: aiohttp.ClientSession, name: str, way: Way) -> None:
    case = CASES[name]
    tools = {"tools": [WEATHER]} if case.tools else {}
    parallel = {"parallel_tool_calls": case.parallel} if case.parallel is not None else {}
    said = f"{case.said} [sim: {name} {case.argument}]"
    heard = await hear(http, stage.proxy.base_url, said, model=way.model, stream=way.stream, **tools, **parallel)
    fits = case.json if way.json and case.json is not None else case.fits
    assert fits(heard), heard


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.waits])
async def test_the_app_gets_an_answer_or_one_error(
    stage: Simulated, http: aiohttp.ClientSession, name: str, way: Way
) -> None:
    await check(stage, http, name, way)


async def test_an_upstream_that_falls_silent_is_given_up(stage: Simulated, http: aiohttp.ClientSession) -> None:
    names = [name for name, case in CASES.items() if case.waits]
    await asyncio.gather(*(check(stage, http, name, way) for name in names for way in WAYS.values()))
