"""The README's table of unmodified clients, each run by `qwenproxy exec`, with the simulator as the upstream.

What they are to get is kept in `tests/golden/clients.json`, of which the README's table is made.  With WRITE_TABLE set
(`scripts/test --clients --write-table`) a run writes there what it finds, versions too.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from qwenproxy.simulator.doors import COMPATIBLE
from qwenproxy.simulator.server import Simulator
from qwenproxy.wire.openai import Json
from tests.clients.table import TABLE, Answers, Client
from tests.clients.toolchains import LIMIT, needed
from tests.support.apps import environment
from tests.support.launched import PATIENCE, Home
from tests.support.processes import ROOT, authority

GOLDEN = ROOT / "tests" / "golden" / "clients.json"
KEY = "sk-hardcoded-in-the-app"
SAID = "I am only a script, so I cannot say more, but your request arrived as it should."
CALLED = "12 degrees in Riga"
"""What the tool says of the city that it was called with."""
FOUND = "Here is what I found. "
"""How the simulator's answer begins once a tool has been heard."""
NO_ANSWERS = ("-", "socket")
"""How the log names the endpoint of what is refused, or taken and dropped, by its path; and of a WebSocket's begin."""
EXPECTED = {"plain": [SAID], "streamed": [SAID, CALLED], "tools": [CALLED, FOUND]}

type Line = Mapping[str, str | bool | None]


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[Simulator]:
    found = Simulator(pace=0)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def home(tmp_path: Path, confdir: Path) -> Home:
    """With an authority, so that not each call has to make one."""
    authority(confdir)
    (tmp_path / ".mitmproxy").symlink_to(confdir)
    return Home(tmp_path)


def kept() -> dict[str, Line]:
    found: dict[str, Line] = orjson.loads(GOLDEN.read_bytes())
    return found


def write(name: str, line: Line) -> None:
    """Put *line* into the golden file, in the table's order."""
    lines = {**kept(), name: line}
    in_order = {client.name: lines[client.name] for client in TABLE if client.name in lines}
    GOLDEN.write_bytes(orjson.dumps(in_order, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def line(client: Client, version: str, answers: Answers, answered: Sequence[Json]) -> Line:
    """What *client* can: it got the right words, and what it asked for, a stream or none, was *answered*."""
    streams = [exchange["stream"] for exchange in answered]
    endpoints = sorted({exchange["endpoint"] for exchange in answered})
    texts = {kind: " ".join(text.split()) for kind, text in answers.items()}
    right = {
        kind: any(words in texts[kind] for words in EXPECTED[kind]) if kind in texts else None for kind in EXPECTED
    }
    asked = {"plain": False in streams, "streamed": True in streams, "tools": True}
    can = {kind: None if right[kind] is None else right[kind] and asked[kind] for kind in EXPECTED}
    return {"version": version, "endpoint": ", ".join(endpoints), **can, "how": client.how}


def answered_in(log: Path, besides: frozenset[int]) -> list[Json]:
    """The exchanges of a log that an endpoint answered; all went well, and what was asked *besides* ended so."""
    exchanges = [found for text in log.read_text().splitlines() if (found := orjson.loads(text).get("exchange"))]
    answered = [exchange for exchange in exchanges if exchange["endpoint"] not in NO_ANSWERS]
    assert {exchange["status"] for exchange in answered} == {200}
    assert {exchange["status"] for exchange in exchanges if exchange not in answered} == besides
    return answered


@pytest.mark.clients
@pytest.mark.timeout(2 * LIMIT + PATIENCE)
@pytest.mark.parametrize(
    "client",
    [pytest.param(client, id=client.name, marks=[pytest.mark.heavy] if client.heavy else []) for client in TABLE],
)
async def test_an_unmodified_client(client: Client, home: Home, simulator: Simulator) -> None:
    words, environ = needed(client.words), needed(client.environ)
    upstream = environment(f"{simulator.base_url}{COMPATIBLE}", simulator.key, {})
    own = {"OPENAI_API_KEY": KEY, "QWENPROXY_LOG_FORMAT": "json"}
    ended = await home.launch("--log", str(log := home.path / "log"), "--", *words, **upstream, **environ, **own)
    assert ended.status == 0, ended.err
    assert not [asked for asked in simulator.requests if KEY in str(asked)]
    assert {asked.path for asked in simulator.requests} == {f"{COMPATIBLE}/chat/completions"}
    answers = client.read(ended.out)
    version = needed(client.version) if client.version else answers["version"]
    found = line(client, version, answers, answered_in(log, client.besides))
    if os.environ.get("WRITE_TABLE"):
        write(client.name, found)
    assert without_version(found) == without_version(kept().get(client.name, {}))


def without_version(of: Line) -> Line:
    return {name: value for name, value in of.items() if name != "version"}


def test_each_client_has_its_line() -> None:
    """After a change of the table: `scripts/test --all-clients --write-table`."""
    assert list(kept()) == [client.name for client in TABLE]
