"""Responses at the desk: what is answered where there are no keys to seal with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy.exchange import Answer
from qwenproxy.flows.requests import Desk
from qwenproxy.service import service
from qwenproxy.settings import load
from qwenproxy.state.keys import seals
from qwenproxy.wire.openai import Json
from tests.flows.test_requests import content, visit
from tests.support.completions import completion
from tests.support.upstream import Upstream, upstream, whole

SAID: list[Json] = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]
TRIGGER: Json = {"type": "compaction_trigger"}


@asynccontextmanager
async def desk(tmp_path: Path, *replies: bytes, **settings: str) -> AsyncIterator[tuple[Desk, Upstream]]:
    """A desk whose keys are in a file in *tmp_path*."""
    async with upstream(*replies) as found:
        environ = {"HOME": str(tmp_path), "QWENPROXY_UPSTREAM": found.base_url, "QWENPROXY_API_KEY": "sk-1"}
        environ |= {"QWENPROXY_STATE": str(tmp_path / "state.db")} | settings
        read = load(environ, tmp_path)
        over = service(read, environ)
        yield Desk(read, over, seals=seals(read, environ)), found
        await over.retire()


async def ask(at: Desk, said: Any, path: str = "", **fields: Any) -> Answer:
    return await at.answer(visit("POST", f"/v1/responses{path}", {"model": "gpt-5", "input": said} | fields))


@pytest.mark.parametrize("path", ["", "/compact"])
async def test_without_keys_what_needs_none_is_answered_and_the_rest_says_where_they_are_missing(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "state.db-keys").mkdir()
    async with desk(tmp_path, completion("Hi.")) as (at, _):
        plain = await ask(at, "Hello", include=["reasoning.encrypted_content"])
        assert plain.status == 200
        assert plain.headers["x-qwenproxy-dropped"] == "include"
        refused = await ask(at, SAID if path else [*SAID, TRIGGER], path)
        assert (refused.status, content(refused)["error"]["code"]) == (500, "internal_error")


async def test_a_compaction_is_an_object_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path, completion("They said hello.")) as (at, qwen):
        answer = content(await ask(at, SAID, "/compact"))
        assert answer["object"] == "response.compaction"
        assert [item["type"] for item in answer["output"]] == ["message", "compaction"]
        assert answer["usage"]["total_tokens"] == 5
        again = await ask(at, [*answer["output"], {"role": "user", "content": "So?"}])
        assert again.status == 200
        assert "They said hello." in qwen.asked[-1].json["messages"][1]["content"]


async def test_an_unfinished_summary_is_no_compaction(tmp_path: Path) -> None:
    body = orjson.loads(completion("They").partition(b"\r\n\r\n")[2])
    body["choices"][0]["finish_reason"] = "length"
    async with desk(tmp_path, whole(body)) as (at, _):
        answer = await ask(at, SAID, "/compact")
        assert (answer.status, content(answer)["error"]["code"]) == (502, "upstream_stream_cut")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": SAID}, "model"),
        ({"model": "gpt-5"}, "input"),
        ({"model": "gpt-5", "input": 5}, "input"),
        ({"model": "gpt-5", "previous_response_id": "resp_x"}, "previous_response_id"),
    ],
)
async def test_a_compaction_of_nothing_is_refused(tmp_path: Path, body: Json, param: str) -> None:
    async with desk(tmp_path, completion("Hi.")) as (at, _):
        answer = await at.answer(visit("POST", "/v1/responses/compact", body))
        assert (answer.status, content(answer)["error"]["param"]) == (400, param)
