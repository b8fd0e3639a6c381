"""Whatever goes wrong, in our code or in somebody else's: nothing of a request of ours reaches the original host."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.clients import HELLO, PATIENCE, App, Reply, request
from tests.support.processes import MITMDUMP, OURS
from tests.support.simulated import until
from tests.support.sockets import PATH, UPGRADE, Socket
from tests.support.stage import KEY, Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPTS = Path(__file__).parent / "scripts"
LISTENERS = (
    "--mode",
    "reverse:http://127.0.0.1:{original}@127.0.0.1:{reverse}",
    "--mode",
    "regular@127.0.0.1:{regular}",
)
"""Both lead to the original, which is one of our hosts here: any way past the proxy ends there."""
HANGS, CLOSES = "hangs", "closes"
HOOKS = (
    *("requestheaders", "request", "responseheaders", "response"),
    *("websocket_start", "websocket_message", "websocket_end"),
)
IMPATIENCE = 0.15  # s after which an answer is not expected any more


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def proxy(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The foreign addon stands before ours, the saboteur behind it."""
    scripts = ("-s", str(SCRIPTS / "foreign.py"), *OURS, "-s", str(SCRIPTS / "sabotage.py"))
    command, home = (*MITMDUMP, *scripts, *LISTENERS), tmp_path_factory.mktemp("home")
    settings = {"hosts": "api.openai.com,127.0.0.1"}
    async with stage(home, confdir, command, settings, ready="listening at", times=2) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def closed(proxy: Stage) -> AsyncIterator[Stage]:
    """After the test nobody has come to the original, and nobody has been shown the app's key."""
    yield proxy
    assert proxy.original.received == []
    assert not any("SECRET" in str(asked.headers) for asked in proxy.upstream.asked)
    assert "SECRET" not in proxy.process.output


async def outcome(proxy: Stage, **headers: str) -> Reply | str:
    """What becomes of a request to the local OpenAI: an answer, or what there is instead."""
    async with proxy.local() as app:
        asking = asyncio.ensure_future(app.ask(body=HELLO, chunked=False, authorization=KEY, **headers))
        await asyncio.wait({asking}, timeout=IMPATIENCE)
        if not asking.done():
            await answers(proxy)  # it does not hold up the others
        if not asking.done():
            asking.cancel()
            return HANGS
        return CLOSES if isinstance(asking.exception(), asyncio.IncompleteReadError) else asking.result()


async def answers(proxy: Stage) -> None:
    """Somebody else is answered."""
    async with proxy.local() as app:
        assert (await app.ask(body=HELLO, authorization=KEY)).json["object"] == "chat.completion"


async def test_without_the_addon_the_stand_in_sees_the_apps_key(confdir: Path, tmp_path: Path) -> None:
    """So the tests below can fail."""
    command = (*MITMDUMP, *LISTENERS, "--set", "connection_strategy=lazy")
    async with stage(tmp_path, confdir, command, ready="listening at", times=2) as bare:
        async with bare.local() as app:
            assert (await app.ask(body=HELLO, authorization=KEY)).body == b"original"
        assert KEY.encode() in bare.original.text
        async with bare.tunnel() as app:
            await app.send(request(body=HELLO, authorization=KEY))
            assert await until(lambda: len(bare.original.received) == 2)


async def test_the_proxy_answers_at_both_doors(closed: Stage) -> None:
    await answers(closed)
    async with closed.tunnel() as app:
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
    closed: Stage, hook: str, deed: str, expected: int | str | dict[str, int | str]
) -> None:
    """It may spoil the answer to its own flow, but neither sends it elsewhere nor holds up the others."""
    found = await outcome(closed, x_foreign=f"{hook} {deed}")
    wanted = expected.get(hook, expected[""]) if isinstance(expected, dict) else expected
    assert (found.status if isinstance(found, Reply) else found) == wanted


async def turn(app: App, **headers: str) -> str | int:
    """What becomes of a WebSocket, and of a message over it: the answer's status, or the event that is the last."""
    await app.send(request("GET", PATH, **{**UPGRADE, **headers, "authorization": KEY}))
    if (status := (await app.head()).status) != 101:
        return status
    socket = Socket(app)
    await socket.create()
    return str((await socket.events())[-1]["type"])


async def socket_outcome(proxy: Stage, expected: str | int, **headers: str) -> str | int:
    """The same for a WebSocket; what is *expected* tells how long to wait."""
    async with proxy.local() as app:
        asking = asyncio.ensure_future(turn(app, **headers))
        await asyncio.wait({asking}, timeout=IMPATIENCE if expected == HANGS else PATIENCE)
        if not asking.done():
            await answers(proxy)
        if not asking.done():
            asking.cancel()
            return HANGS
        gone = isinstance(asking.exception(), asyncio.IncompleteReadError | AssertionError)
        return CLOSES if gone else asking.result()


COMPLETED = "response.completed"
SPOILT: dict[tuple[str, str], str | int] = {
    **{(hook, "answer"): 203 for hook in HOOKS[:4]},
    **{(hook, deed): status for hook in HOOKS[:2] for deed, status in (("rename", 403), ("rewrite", 426))},
    **{(hook, "kill"): CLOSES for hook in HOOKS if hook != "websocket_end"},
    **{(hook, "hang"): HANGS for hook in HOOKS if hook != "websocket_end"},
    **{(hook, "cancel"): HANGS for hook in HOOKS if hook != "websocket_end"},
    **{(hook, "unanswer"): HANGS for hook in HOOKS[2:] if hook != "websocket_end"},
}
"""What a foreign addon makes of a WebSocket of its own."""


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    "deed", ["raise", "halt", "redirect", "rewrite", "rename", "answer", "unanswer", "cancel", "hang", "kill"]
)
async def test_a_foreign_addon_cannot_open_a_way_for_a_websocket(closed: Stage, hook: str, deed: str) -> None:
    expected = SPOILT.get((hook, deed), COMPLETED)
    assert await socket_outcome(closed, expected, x_foreign=f"{hook} {deed}") == expected


OURS_TOLD = {
    "flows.turns:connect": 500,
    "flows.handshake:accept": 500,
    "flows.turns:Turns.begin": "error",
    "flows.requests:Desk.turn": "error",
    "exchange:Exchange.open": "error",
    "flows.lanes:Lanes._pump": "error",
}


@pytest.mark.parametrize(
    ("place", "fault", "expected"),
    [
        *((place, fault, told) for place, told in OURS_TOLD.items() for fault in ("raise", "cancel", "odd")),
        ("flows.lanes:Lanes._take", "raise", "error"),
        ("flows.websocket:SocketLayer._heard", "raise", HANGS),
        ("flows.live:LiveStream.flow_done", "raise", HANGS),
    ],
)
async def test_a_fault_of_our_own_is_told_over_a_websocket(
    closed: Stage, place: str, fault: str, expected: str | int
) -> None:
    assert await socket_outcome(closed, expected, x_sabotage=f"qwenproxy.{place} {fault}") == expected
    await answers(closed)


@pytest.mark.parametrize("fault", ["raise", "cancel", "odd", "exit", "hang"])
@pytest.mark.parametrize(
    "place", ["flows.requests:Desk.answer", "flows.requests:Desk._routed", "exchange:Exchange.open"]
)
async def test_a_fault_of_our_own_becomes_an_answer(closed: Stage, place: str, fault: str) -> None:
    found = await outcome(closed, x_sabotage=f"qwenproxy.{place} {fault}")
    if fault == "hang":
        assert found == HANGS
    else:
        assert isinstance(found, Reply)
        assert found.error == (500, "internal_error")


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
async def test_a_fault_in_the_door_itself_opens_no_way(closed: Stage, place: str, fault: str) -> None:
    """Where no answer can be made any more, there is none."""
    found = await outcome(closed, x_sabotage=f"qwenproxy.{place} {fault}")
    assert found == HANGS or (isinstance(found, Reply) and found.error == (500, "internal_error"))
    await answers(closed)


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
    closed: Stage, change: str, answer: str
) -> None:
    heard = closed.process.output.count("listening at")
    ports = {"original": closed.original.port, "reverse": closed.reverse, "regular": closed.regular}
    found = await outcome(closed, x_foreign=f"request {change.format(**ports)}")
    assert isinstance(found, Reply)
    assert found.status == 409
    assert answer in found.body.decode()
    await answers(closed)
    assert closed.process.output.count("listening at") == heard
