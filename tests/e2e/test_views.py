"""Exchanges as they are seen: in saved flows and HAR files, in replays, in mitmdump's own output."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mitmproxy import contentviews, http, io
from mitmproxy.test import taddons

from qwenproxy.flows.delivery import CUT
from qwenproxy.flows.views import notes
from qwenproxy.flows.views.contentviews import install
from tests.support.clients import HELLO, connected
from tests.support.completions import END, refused, said, streamed, thought
from tests.support.evidence import APP_KEY, CREDENTIALS, UPSTREAM_KEY, found_in
from tests.support.proxy import proxy
from tests.support.stage import Stage, dumping, stage
from tests.support.upstream import STREAM_HEAD, Connection, Reply, chunk, stream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINE: dict[str, Any] = {"authorization": f"Bearer {APP_KEY}", "host": "localhost"} | CREDENTIALS
STREAMED = HELLO | {"stream": True}
SETTINGS = {"api_key": UPSTREAM_KEY, "default_model": "qwen3.7-plus", "view_limit": "2000"}
LEARNED = refused(400, f"Range of max_tokens should be [1, 64] ({UPSTREAM_KEY})", code="invalid_parameter_error")


async def cut(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + chunk(said("Hel")))
    connection.writer.close()


CASES: Mapping[str, tuple[list[Reply], Any]] = {
    "whole": ([stream(thought("Hm."), said("Hello"), END)], HELLO | {"logit_bias": {"1": 1}}),
    "streamed": ([streamed("Hel", "lo")], STREAMED),
    "learned": ([LEARNED, streamed("Hello")], STREAMED | {"max_tokens": 1000}),
    "cut": ([cut], STREAMED),
    "long": ([streamed(*["word " * 20] * 30)], STREAMED),
    "refused": ([streamed("Hello")], {"model": "gpt-4o"}),
}


async def play(found: Stage) -> None:
    for replies, body in CASES.values():
        await found.says(*replies)
        async with found.local() as app:
            await app.ask(body=body, **MINE)


class Saved:
    """What mitmdump has written down of the cases, and what it has printed."""

    def __init__(self, folder: Path, output: str) -> None:
        flows = (folder / "flows", folder / "har")
        self.raw = {"flows": flows[0].read_bytes(), "har": flows[1].read_bytes(), "output": output.encode()}
        self.flows = dict(zip(CASES, self._read(flows[0]), strict=True))
        self.har = self._read(flows[1])
        self.output = output

    def _read(self, file: Path) -> list[http.HTTPFlow]:
        return [flow for flow in io.read_flows_from_paths([str(file)]) if isinstance(flow, http.HTTPFlow)]

    def shown(self, case: str, message: str, view: str = "auto") -> str:
        return shown(self.flows[case], message, view)


def shown(flow: http.HTTPFlow, message: str, view: str = "auto") -> str:
    install()
    with taddons.context():
        text: str = contentviews.prettify_message(getattr(flow, message), flow, view).text
        return text


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def saved(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Saved]:
    folder = tmp_path_factory.mktemp("saved")
    files = ("-w", str(folder / "flows"), "--set", f"hardump={folder / 'har'}", "--set", "flow_detail=4")
    command = dumping(*files)
    async with stage(folder, confdir, command, SETTINGS, ready="listening at", times=2) as found:
        await play(found)
    yield Saved(folder, found.process.output)


@pytest.mark.parametrize(
    ("case", "comment"),
    [
        ("whole", "chat gpt-4o -> qwen3.7-plus, 200, 3+2 tokens, "),
        ("learned", "🔧 chat gpt-4o -> qwen3.7-plus, 200, 3+2 tokens, "),
        ("cut", "❌ chat gpt-4o -> qwen3.7-plus, 502, "),
        ("refused", "⚠ chat, 400, "),
    ],
)
async def test_a_saved_flow_has_its_comment(saved: Saved, case: str, comment: str) -> None:
    assert saved.flows[case].comment.startswith(comment)


async def test_a_saved_flow_has_both_requests(saved: Saved) -> None:
    text = saved.shown("whole", "request")
    assert "===== as the app sent it: POST /v1/chat/completions =====" in text
    assert '- logit_bias: {"1": 1}' in text
    assert '"model": "gpt-4o"' in text
    assert "===== as Qwen got it: POST http://127.0.0.1:" in text
    assert '"model": "qwen3.7-plus"' in text


async def test_a_saved_flow_has_both_answers(saved: Saved) -> None:
    text = saved.shown("whole", "response")
    assert text.count("thinking: |\n  Hm.\ncontent: |\n  Hello\nfinish: stop") >= 1
    assert "===== raw, as Qwen answered: 200 =====" in text
    assert 'data: {"id":"chatcmpl-up"' in text


async def test_every_round_is_there_with_what_it_taught(saved: Saved) -> None:
    text = saved.shown("learned", "response")
    first, second = text.split("===== as Qwen answered, round ")[1:]
    assert first.startswith("1 of 2: 400, head at ")
    assert "learned: max_output=64" in first
    assert second.startswith("2 of 2: 200, head at ")
    requests = saved.shown("learned", "request", "qwen side")
    assert requests.index('"max_tokens": 1000') < requests.index('"max_tokens": 64')


async def test_an_answer_that_broke_off_is_shown_as_far_as_it_came(saved: Saved) -> None:
    text = saved.shown("cut", "response")
    assert "content: |\n  Hel\n" in text
    assert text.count("\nerror: ") >= 2, "the app has got one, and so have we"


async def test_no_more_than_the_limit_is_kept(saved: Saved) -> None:
    flow = saved.flows["long"]
    assert flow.response is not None
    assert len(flow.response.content or b"") == 2000 + len(CUT)
    found = notes.of(flow)
    assert found is not None
    (kept,) = found["rounds"]
    assert len(kept["answer"]) == 2000 < kept["answer_size"]
    assert "word word" in saved.shown("long", "response")


async def test_a_har_file_has_every_round(saved: Saved) -> None:
    expected = [1 + len(flow.metadata[notes.KEY]["rounds"]) for flow in saved.flows.values()]
    assert expected == [2, 2, 3, 2, 2, 1]
    assert len(saved.har) == sum(expected)
    first_round, exchange, second_round = saved.har[1:4]
    assert first_round.request.host == second_round.request.host != exchange.request.pretty_host
    assert "content: |\n  Hello" in shown(second_round, "response")


async def test_mitmdump_prints_the_views(saved: Saved) -> None:
    assert "===== as Qwen got it: POST http://127.0.0.1:" in saved.output


@pytest.mark.parametrize("place", ["flows", "har", "output"])
async def test_no_secret_is_kept(saved: Saved, place: str) -> None:
    assert b"qwen3.7-plus" in saved.raw[place]
    assert found_in(saved.raw[place]) == set()


@pytest.mark.parametrize("case", CASES)
async def test_no_secret_is_shown(saved: Saved, case: str) -> None:
    views = ("auto", "app side", "qwen side", "raw")
    text = "\n".join(saved.shown(case, message, view) for message in ("request", "response") for view in views)
    assert found_in(text.encode()) == set()
    if case == "learned":
        assert "([secret])" in text


async def replayed(option: str, saved: Saved, folder: Path, confdir: Path, *replies: Reply, **ask: Any) -> Any:
    """A new mitmdump with saved flows to replay; the flows that it saves itself, and what its upstream was asked."""
    file = folder / "replay"
    with file.open("wb") as out:
        writer = io.FlowWriter(out)
        for case in ("streamed", "whole"):
            writer.add(saved.flows[case])
    command = dumping("--set", f"{option}={file}", "-w", str(folder / "again"))
    async with stage(folder, confdir, command, SETTINGS, ready="listening at", times=2) as found:
        await found.says(*replies)
        if ask:
            async with found.local() as app:
                answer = await app.ask(**ask)
                assert answer.status == 200
        for _ in range(500):
            flows = [flow for flow in io.read_flows_from_paths([str(folder / "again")])]
            if len(flows) == (1 if ask else 2):
                break
            await asyncio.sleep(0.02)
        await found.says(*replies)
        return flows, found.heard, answer.body if ask else b""


async def test_a_saved_request_that_is_sent_again_reaches_qwen_through_us(
    saved: Saved, tmp_path: Path, confdir: Path
) -> None:
    flows, heard, _ = await replayed("client_replay", saved, tmp_path, confdir, streamed("Once more"))
    assert [asked.json["model"] for asked in heard] == ["qwen3.7-plus"] * 2
    assert {asked.headers["authorization"] for asked in heard} == {f"Bearer {UPSTREAM_KEY}"}
    for flow in flows:
        text = shown(flow, "response")
        assert "Once more" in text
        assert "Hello" not in text, "what was there before is gone"
        assert flow.comment.startswith("chat gpt-4o -> qwen3.7-plus, 200, 3+2 tokens, ")


async def test_a_saved_answer_is_given_again_without_qwen(saved: Saved, tmp_path: Path, confdir: Path) -> None:
    same = {"body": CASES["streamed"][1], **MINE, "host": "localhost"}
    _, heard, body = await replayed("server_replay", saved, tmp_path, confdir, streamed("No"), **same)
    assert heard == []
    flow = saved.flows["streamed"]
    assert flow.response is not None
    assert body == flow.response.content


@pytest.mark.parametrize(("looked_at", "kept"), [((), False), (("save_stream_file",), True), (("hardump",), True)])
async def test_nothing_is_kept_where_nobody_can_look(
    looked_at: tuple[str, ...], kept: bool, tmp_path: Path, confdir: Path
) -> None:
    class Last:
        def response(self, flow: http.HTTPFlow) -> None:
            self.flow = flow

    last = Last()
    async with upstream(streamed("Hello")) as qwen:
        environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none"}
        async with proxy(environ, confdir) as running:
            running.master.addons.add(last)
            running.master.options.set(*(f"{name}={tmp_path / name}" for name in looked_at), defer=True)
            running.master.complete()
            async with connected(running.ports[0]) as app:
                await app.ask(body=STREAMED)
    assert (notes.of(last.flow) is not None) is kept
    assert last.flow.response is not None
    assert bool(last.flow.response.raw_content) is kept
