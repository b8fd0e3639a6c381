"""Requests about what is stored, at the desk."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from qwenproxy.archive import Archive
from qwenproxy.flows.kept import new_id
from qwenproxy.flows.requests import Desk
from qwenproxy.service import service
from qwenproxy.settings import load
from qwenproxy.wire.openai import Json
from tests.flows.test_requests import content, visit
from tests.state.stores import opened

ENVIRON = {"HOME": "/nowhere", "QWENPROXY_UPSTREAM": "http://127.0.0.1:1/v1", "QWENPROXY_API_KEY": "sk-1"}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = load(ENVIRON, Path("/nowhere"))
    over = service(found, ENVIRON)
    async with opened() as store:
        yield Desk(found, over, None, Archive(store))
        await over.retire()


async def call(desk: Desk, method: str, path: str, body: Any = None) -> tuple[int, Json]:
    answer = await desk.answer(visit(method, path, body))
    return answer.status, content(answer)


async def test_a_conversation_is_made_and_found(desk: Desk) -> None:
    status, made = await call(desk, "POST", "/v1/conversations", {"items": [{"role": "user", "content": "Hi"}]})
    assert status == 200
    assert await call(desk, "GET", f"/v1/conversations/{made['id']}") == (200, made)
    status, page = await call(desk, "GET", f"/v1/conversations/{made['id']}/items?limit=1")
    assert (status, page["has_more"]) == (200, False)
    (item,) = page["data"]
    assert await call(desk, "GET", f"/v1/conversations/{made['id']}/items/{item['id']}") == (200, item)
    assert (await call(desk, "HEAD", f"/v1/conversations/{made['id']}"))[0] == 200


UNKNOWN = [
    ("GET", "/v1/responses/x"),
    ("DELETE", "/v1/responses/x"),
    ("POST", "/v1/responses/x/cancel"),
    ("GET", "/v1/responses/x/input_items"),
    ("GET", "/v1/responses/x?stream=true"),
    ("GET", "/v1/conversations/x"),
    ("POST", "/v1/conversations/x"),
    ("DELETE", "/v1/conversations/x"),
    ("GET", "/v1/conversations/x/items"),
    ("POST", "/v1/conversations/x/items"),
    ("GET", "/v1/conversations/x/items/y"),
    ("DELETE", "/v1/conversations/x/items/y"),
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
async def test_what_is_not_there_is_a_404_in_openais_shape(desk: Desk, method: str, path: str) -> None:
    status, told = await call(desk, method, path)
    assert status == 404
    assert (told["error"]["type"], told["error"]["code"]) == ("invalid_request_error", None)
    assert "with id 'x' not found." in told["error"]["message"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "order=up"])
async def test_a_wrong_query_is_refused(desk: Desk, query: str) -> None:
    _, made = await call(desk, "POST", "/v1/conversations", {})
    status, told = await call(desk, "GET", f"/v1/conversations/{made['id']}/items?{query}")
    assert (status, told["error"]["param"]) == (400, query.partition("=")[0])


def test_ids_have_openais_form() -> None:
    assert len(new_id("conv")) == len("conv_") + 48
