"""Whatever goes wrong, in our code or in somebody else's: nothing of a request of ours reaches the original host."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from qwenproxy.commands.run import free_port
from tests.support.clients import HELLO, Reply, connected, request, trusting, tunnelled
from tests.support.original import Original, original
from tests.support.processes import MITMDUMP, OURS, Process, authority, clean, running
from tests.support.simulated import until
from tests.support.upstream import Upstream, upstream, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPTS = Path(__file__).parent / "scripts"
KEY = "Bearer sk-app-SECRET"
ANSWER = {
    "id": "1",
    "model": "qwen3-coder-plus",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}
HANGS, CLOSES = "hangs", "closes"
IMPATIENCE = 0.15  # s after which an answer is not expected any more


@dataclass
class Stage:
    """A proxy with a local OpenAI and an HTTPS proxy, an upstream, and a stand-in for OpenAI."""

    process: Process
    original: Original
    upstream: Upstream
    authority: Path
    reverse: int
    regular: int

    async def outcome(self, **headers: str) -> Reply | str:
        """What becomes of a request to the local OpenAI: an answer, or what there is instead."""
        async with connected(self.reverse) as app:
            asking = asyncio.ensure_future(app.ask(body=HELLO, host="localhost", authorization=KEY, **headers))
            await asyncio.wait({asking}, timeout=IMPATIENCE)
            if not asking.done():
                await self.answers()  # it does not hold up the others
            if not asking.done():
                asking.cancel()
                return HANGS
            return CLOSES if isinstance(asking.exception(), asyncio.IncompleteReadError) else asking.result()

    async def answers(self) -> None:
        """Somebody else is answered."""
        async with connected(self.reverse) as app:
            assert (await app.ask(body=HELLO, host="localhost", authorization=KEY)).json["object"] == "chat.completion"


def listeners(original: Original) -> tuple[int, int, list[str]]:
    """Two ports, and mitmproxy's arguments for them.

    Both lead to *original*, which is one of our hosts here: any way past the proxy ends there.
    """
    reverse, regular = free_port("127.0.0.1"), free_port("127.0.0.1")
    target = f"http://127.0.0.1:{original.port}"
    return (
        reverse,
        regular,
        [
            *("--mode", f"reverse:{target}@127.0.0.1:{reverse}"),
            *("--mode", f"regular@127.0.0.1:{regular}"),
        ],
    )


@pytest.fixture(scope="module")
def ca(confdir: Path) -> Path:
    return authority(confdir)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path, ca: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The foreign addon stands before ours, the saboteur behind it."""
    home = tmp_path_factory.mktemp("home")
    async with original() as host, upstream(whole(ANSWER)) as qwen:
        reverse, regular, modes = listeners(host)
        environ = clean(home, upstream=qwen.base_url, api_key="qwen-key", hosts="api.openai.com,127.0.0.1")
        scripts = ("-s", str(SCRIPTS / "foreign.py"), *OURS, "-s", str(SCRIPTS / "sabotage.py"))
        command = [*MITMDUMP, *scripts, *modes, "--set", f"confdir={confdir}"]
        environ["ORIGINAL"] = str(host.port)
        async with running(command, environ, ready="listening at", times=2) as process:
            yield Stage(process, host, qwen, ca, reverse, regular)


@pytest.fixture(autouse=True)
def nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test with the proxy: nobody came to the original, nobody was shown the app's key."""
    yield
    if "stage" in request.fixturenames:
        found: Stage = request.getfixturevalue("stage")
        assert found.original.received == []
        assert not any("SECRET" in str(asked.headers) for asked in found.upstream.asked)
        assert "SECRET" not in found.process.output


async def test_without_the_addon_the_stand_in_sees_the_apps_key(confdir: Path, ca: Path, tmp_path: Path) -> None:
    """So the tests below can fail."""
    async with original() as host:
        reverse, regular, modes = listeners(host)
        command = [*MITMDUMP, *modes, "--set", f"confdir={confdir}", "--set", "connection_strategy=lazy"]
        async with running(command, clean(tmp_path), ready="listening at", times=2):
            async with connected(reverse) as app:
                assert (await app.ask(body=HELLO, authorization=KEY)).body == b"original"
            assert KEY.encode() in host.text
            async with tunnelled(regular, f"127.0.0.1:{host.port}", trusting(ca)) as app:
                await app.send(request(body=HELLO, authorization=KEY))
                assert await until(lambda: len(host.received) == 2)


async def test_the_proxy_answers_at_both_doors(stage: Stage) -> None:
    await stage.answers()
    async with tunnelled(stage.regular, f"127.0.0.1:{stage.original.port}", trusting(stage.authority)) as app:
        assert (await app.ask(body=HELLO, authorization=KEY)).json["object"] == "chat.completion"


@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders", "response"])
@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        ("raise", 200),
        ("halt", 200),
        ("redirect", 200),
        ("rewrite", 200),
        ("rename", {"requestheaders": 403, "request": 403, "": 200}),
        ("stream", 200),
        ("stream through", 200),
        ("stream back", 200),
        ("answer", {"": 203}),
        ("stream and answer", {"": 203}),
        ("unanswer", {"responseheaders": HANGS, "response": HANGS, "": 200}),
        ("cancel", HANGS),
        ("hang", HANGS),
        ("kill", CLOSES),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_foreign_addon_cannot_open_a_way(
    stage: Stage, hook: str, deed: str, expected: int | str | dict[str, int | str]
) -> None:
    """It may spoil the answer to its own flow, but neither sends it elsewhere nor holds up the others."""
    outcome = await stage.outcome(x_foreign=f"{hook} {deed}")
    wanted = expected.get(hook, expected[""]) if isinstance(expected, dict) else expected
    assert (outcome.status if isinstance(outcome, Reply) else outcome) == wanted


@pytest.mark.parametrize("fault", ["raise", "cancel", "odd", "exit", "hang"])
@pytest.mark.parametrize(
    "place", ["flows.requests:Desk.answer", "flows.requests:Desk._routed", "exchange:Exchange.open"]
)
async def test_a_fault_of_our_own_becomes_an_answer(stage: Stage, place: str, fault: str) -> None:
    outcome = await stage.outcome(x_sabotage=f"qwenproxy.{place} {fault}")
    if fault == "hang":
        assert outcome == HANGS
    else:
        assert isinstance(outcome, Reply)
        assert outcome.error == (500, "internal_error")


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("addon:QwenProxy.qwen_open", "raise"),
        ("addon:QwenProxy.qwen_open", "cancel"),
        ("addon:QwenProxy.qwen_open", "odd"),
        ("addon:QwenProxy.qwen_open", "hang"),
        ("flows.visits:Visit.open", "raise"),
        ("flows.visits:Visit.open", "cancel"),
        ("flows.visits:Visit.open", "hang"),
        ("flows.answers:response", "raise"),
        ("flows.answers:response", "cancel"),
        ("flows.answers:response", "odd"),
        ("flows.live:LiveStream.mine", "raise"),
        ("flows.live:LiveStream.answer", "raise"),
        ("flows.live:LiveStream.make_server_connection", "raise"),
    ],
)
async def test_a_fault_in_the_door_itself_opens_no_way(stage: Stage, place: str, fault: str) -> None:
    """Where no answer can be made any more, there is none."""
    outcome = await stage.outcome(x_sabotage=f"qwenproxy.{place} {fault}")
    assert outcome == HANGS or (isinstance(outcome, Reply) and outcome.error == (500, "internal_error"))
    await stage.answers()


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ("mode=reverse:http://localhost:{original}@127.0.0.1:{reverse}", "use reverse:https://api.openai.com@"),
        ("mode=reverse:tcp://127.0.0.1:{original}@127.0.0.1:{reverse}", "use reverse:https://api.openai.com@"),
        ("mode=regular@0.0.0.0:{regular}", "missing: allow_remote, client_keys"),
        ("allow_hosts=example.com", "name further hosts there"),
        ("ignore_hosts=.*", "remove it"),
        ("tcp_hosts=.*", "remove it"),
        ("rawtcp=true", "remove it"),
        ("connection_strategy=eager", "remove it"),
        ("stream_large_bodies=1", "remove it"),
        ("keep_host_header=false", "remove it"),
        ("proxy_debug=true", "remove it"),
        ("qwen_hosts=api.example.com", "use reverse:https://api.openai.com@"),
        ("qwen_upstream=http://127.0.0.2.example.com/v1", "needs 127.0.0.2.example.com in allowed_hosts"),
        ("qwen_allow_remote=true", "needs client_keys"),
        ("qwen_heartbeat=soon", "expected a number of seconds"),
    ],
)
async def test_an_option_that_opens_a_way_is_refused_while_it_runs_and_the_old_one_holds(
    stage: Stage, change: str, answer: str
) -> None:
    heard = stage.process.output.count("listening at")
    ports = {"original": stage.original.port, "reverse": stage.reverse, "regular": stage.regular}
    outcome = await stage.outcome(x_foreign=f"request {change.format(**ports)}")
    assert isinstance(outcome, Reply)
    assert outcome.status == 409
    assert answer in outcome.body.decode()
    await stage.answers()
    assert stage.process.output.count("listening at") == heard
