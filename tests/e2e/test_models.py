"""The models list through the proxy, by the official client in strict mode: every face's listing, and none at all."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from openai import NotFoundError

from qwenproxy.models import canonical
from qwenproxy.plans import CURRENT
from qwenproxy.simulator.known import KNOWN, LISTED
from tests.support.apps import App, environment, simulated, text_of
from tests.support.proxy import proxy
from tests.support.upstream import stream, upstream, whole

MINE = '{"my-model": "qwen3-coder-plus", "gpt-4o*": "qwen-flash"}'
PREFIXED = {name for name in LISTED if "/" in name}


async def listed(app: App) -> dict[str, str]:
    """Every model, and its owner."""
    return {model.id: model.owned_by async for model in app.models.list()}


@pytest.mark.parametrize(
    ("face", "models"), [("/compatible-mode/v1", LISTED), ("/v1beta", KNOWN)], ids=["compatible", "contents"]
)
async def test_aliases_and_all_that_the_upstream_lists_are_listed(
    face: str, models: tuple[str, ...], confdir: Path
) -> None:
    async with simulated(confdir, face=face, models=MINE) as stage:
        found = await listed(stage.app)
        assert list(found)[:3] == ["my-model", "gpt-4o", "gpt-4o-mini"]
        assert {found[name] for name in ("my-model", "gpt-4o", "gpt-4o-mini")} == {"qwenproxy"}
        assert PREFIXED
        assert set(found) - {"my-model", "gpt-4o", "gpt-4o-mini"} == set(models) - PREFIXED
        for name in ("gpt-4o-mini-2024-07-18", "my-model", *PREFIXED, "gpt-5.1"):
            assert (await stage.app.models.retrieve(name)).id in (name, canonical(name))
        for name in ("nonesuch", "qwen3-nonesuch"):
            with pytest.raises(NotFoundError, match="There is no model"):
                await stage.app.models.retrieve(name)
        assert len(stage.simulator.requests) == 1, "the listing is asked for once"


NATIVE: dict[int, dict[str, Any]] = {
    1: {"models": [{"model": CURRENT, "name": "Qwen3.7 Plus", "provider": "qwen"}], "total": 2},
    2: {"models": [{"model": "qwen-image-plus", "name": "Qwen Image"}], "total": 2},
}
SHAPES = {
    "DashScope": (
        [whole({"output": {"page_no": n, "page_size": 1, **NATIVE[n]}}) for n in NATIVE],
        "/compatible-mode/v1",
    ),
    "a list alone": ([whole([CURRENT, "qwen-image-plus"])], "/v1"),
}


@pytest.mark.parametrize(("replies", "path"), SHAPES.values(), ids=SHAPES.keys())
async def test_a_gateway_may_list_in_its_own_way(replies: list[bytes], path: str, confdir: Path) -> None:
    async with upstream(*replies) as qwen:
        environ = environment(f"http://127.0.0.1:{qwen.port}{path}", "sk-upstream", {})
        async with proxy(environ, confdir) as running, App(running.base_url) as app:
            assert CURRENT in await listed(app)


@pytest.mark.parametrize(
    "reply",
    [whole({"error": {"message": "not here"}}, 404), whole(b"<html>", content_type="text/html")],
    ids=["404", "page"],
)
async def test_an_upstream_that_does_not_list_is_spoken_for(reply: bytes, confdir: Path) -> None:
    async with upstream(reply) as qwen:
        environ = environment(f"http://127.0.0.1:{qwen.port}/compatible-mode/v1", "sk-upstream", {"models": MINE})
        async with proxy(environ, confdir) as running, App(running.base_url) as app:
            found = await listed(app)
            assert {"my-model": "qwenproxy", CURRENT: "qwen"}.items() <= found.items()
            assert (await app.models.retrieve("qwen-max")).owned_by == "qwen"


def said(words: str, finish: str | None = None) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": finish}]}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


async def test_thinking_that_a_template_opened_is_told_from_the_answer(confdir: Path) -> None:
    """vLLM without a parser for thinking: only the closing tag is in the answer."""
    answer = stream(
        said("They ask"), said(" for more.\n</th"), said("ink>\n\nHi"), said("!", "stop"), b"data: [DONE]\n\n"
    )
    async with (
        upstream(answer) as qwen,
        proxy(environment(qwen.base_url, "", {}), confdir) as running,
        App(running.base_url) as app,
    ):
        model = "Qwen/Qwen3-30B-A3B-Thinking-2507"
        chunks = [chunk async for chunk in await app.stream("Hello", model=model)]
    deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks if chunk.choices]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "They ask for more."
    assert "".join(delta["content"] or "" for delta in deltas) == "Hi!"


async def test_marks_for_the_cache_are_set_for_whoever_wants_them(confdir: Path) -> None:
    async with simulated(confdir, cache_markers="true") as stage:
        assert await text_of(await stage.app.stream("Hello", model=CURRENT))
        (body,) = stage.asked()
        assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
