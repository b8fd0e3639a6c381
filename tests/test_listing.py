"""What an upstream lists, kept: when it is asked, how long it is waited for, and what is served meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from qwenproxy.auth.credentials import NoCredential
from qwenproxy.dialects.listings import Listed
from qwenproxy.errors import ProxyError
from qwenproxy.lines import Line
from qwenproxy.listing import LIFETIME, PAGES, RETRY, Listing
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream as Pool
from tests.support.upstream import Connection, Reply, Upstream, upstream, whole

ONE, TWO = whole({"data": [{"id": "a"}]}), whole({"data": [{"id": "b"}]})
NONE = whole({"error": {"message": "not here"}}, 404)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A listing, its clock and its upstream."""

    def __init__(self, qwen: Upstream, base_url: str) -> None:
        self.qwen = qwen
        self.clock = Clock()
        self.line = Line(Pool(base_url, NoCredential(), idle_timeout=5.0), Settings())
        self.listing = Listing(self.line, self.clock)

    async def ids(self, patience: float = 5.0) -> list[str] | None:
        models = await self.listing.models("app/1", patience)
        return None if models is None else [model.id for model in models]

    async def renewed(self) -> list[str] | None:
        """What is known once a call under way is over."""
        for _ in range(200):
            if self.listing._asking is None:
                break
            await asyncio.sleep(0.005)
        return await self.ids()


@asynccontextmanager
async def scene(*replies: Reply, path: str = "/v1") -> AsyncIterator[Scene]:
    async with upstream(*replies) as qwen:
        found = Scene(qwen, f"http://127.0.0.1:{qwen.port}{path}")
        try:
            yield found
        finally:
            found.listing.close()
            await found.line.upstream.retire()


async def test_it_is_asked_once_for_all_who_want_to_know() -> None:
    async with scene(ONE) as here:
        assert await asyncio.gather(*(here.ids() for _ in range(5))) == [["a"]] * 5
        assert [(asked.method, asked.path) for asked in here.qwen.asked] == [("GET", "/v1/models")]


async def test_it_is_good_for_a_while_and_then_renewed_behind_the_answer() -> None:
    async with scene(ONE, TWO) as here:
        assert await here.ids() == ["a"]
        here.clock.now += LIFETIME - 1
        assert await here.ids() == ["a"]
        assert len(here.qwen.asked) == 1
        here.clock.now += 2
        assert await here.ids() == ["a"], "nobody waits for what is only to be renewed"
        assert await here.renewed() == ["b"]


async def test_what_was_known_is_served_while_the_upstream_fails() -> None:
    async with scene(ONE, NONE, TWO) as here:
        assert await here.ids() == ["a"]
        here.clock.now += LIFETIME + 1
        assert await here.ids() == ["a"]
        assert await here.renewed() == ["a"]
        here.clock.now += RETRY + 1
        assert await here.ids() == ["a"]
        assert await here.renewed() == ["b"]


REFUSALS: dict[str, bytes] = {
    "it has no listing": NONE,
    "it wants another key": whole({"error": {"message": "no"}}, 401),
    "a page": whole(b"<html>", content_type="text/html"),
    "an answer to something else": whole({"choices": []}),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
async def test_an_upstream_that_does_not_list_is_asked_again_later(refusal: bytes) -> None:
    async with scene(refusal, TWO) as here:
        assert await here.ids() is None
        assert await here.ids() is None
        assert len(here.qwen.asked) == 1
        here.clock.now += RETRY + 1
        assert await here.ids() == ["b"]


async def test_a_slow_upstream_is_not_waited_for_long_and_its_answer_not_lost() -> None:
    answer = asyncio.Event()

    async def slow(connection: Connection) -> None:
        await answer.wait()
        await connection.send(ONE)

    async with scene(slow) as here:
        assert await here.ids(patience=0.01) is None
        answer.set()
        assert await here.ids() == ["a"]
        assert len(here.qwen.asked) == 1


async def test_an_upstream_that_hangs_holds_up_only_those_who_ask_first() -> None:
    async def silent(connection: Connection) -> None:
        await connection.gone()

    async with scene(silent) as here:
        assert await here.ids(patience=0.01) is None
        here.clock.now += 3
        async with asyncio.timeout(1.0):
            assert await here.ids(patience=3.0) is None


async def test_an_app_that_leaves_does_not_end_the_call_for_others() -> None:
    answer = asyncio.Event()

    async def slow(connection: Connection) -> None:
        await answer.wait()
        await connection.send(ONE)

    async with scene(slow) as here:
        left = asyncio.create_task(here.ids())
        stays = asyncio.create_task(here.ids())
        await asyncio.sleep(0.01)
        left.cancel()
        answer.set()
        assert await stays == ["a"]


def page(number: int, total: int) -> bytes:
    models = [{"model": f"m{number}"}]
    return whole({"output": {"page_no": number, "page_size": 1, "total": total, "models": models}})


async def test_all_pages_of_a_listing_are_read() -> None:
    async with scene(page(1, 3), page(2, 3), page(3, 3), path="/api/v1") as here:
        assert await here.ids() == ["m1", "m2", "m3"]
        assert [asked.path.partition("?")[2] for asked in here.qwen.asked] == [
            f"page_no={number}&page_size=100" for number in (1, 2, 3)
        ]


async def test_a_listing_without_an_end_is_given_up() -> None:
    number = 0

    async def another(connection: Connection) -> None:
        nonlocal number
        number += 1
        await connection.send(page(number, 10**9))

    async with scene(another, path="/api/v1") as here:
        assert await here.ids() == [f"m{number}" for number in range(1, PAGES + 1)]


async def test_a_listing_that_gives_the_same_page_again_has_ended() -> None:
    async with scene(page(1, 10**9), path="/api/v1") as here:
        assert await here.ids() == ["m1"]
        assert len(here.qwen.asked) == 2


async def test_a_listing_broken_off_midway_is_none() -> None:
    async with scene(page(1, 2), NONE, path="/api/v1") as here:
        assert await here.ids() is None


async def test_to_fetch_says_why_there_is_no_listing() -> None:
    async with scene(whole(b"<html>", content_type="text/html")) as here:
        with pytest.raises(ProxyError, match="list of models cannot be read: it is not JSON"):
            await here.listing.fetch("")


class Login:
    """A credential whose login names another API."""

    name = "oauth"
    base_url = ""

    async def token(self) -> str:
        return "at"

    async def renew(self, refused: str | None) -> bool:
        return False


async def test_what_one_upstream_lists_says_nothing_about_another() -> None:
    async with upstream(ONE) as before, upstream(NONE) as after:
        login = Login()
        login.base_url = before.base_url
        line = Line(Pool("", login, idle_timeout=5.0), Settings())
        listing = Listing(line)
        assert await listing.models("") == [Listed("a")]
        login.base_url = after.base_url
        assert await listing.models("") is None
        await line.upstream.retire()


async def test_a_call_under_way_is_given_up_with_its_line() -> None:
    gone = asyncio.Event()

    async def silent(connection: Connection) -> None:
        await connection.gone()
        gone.set()

    async with scene(silent) as here:
        assert await here.ids(patience=0.05) is None
        here.listing.close()
        async with asyncio.timeout(5):
            await gone.wait()


async def test_the_agent_of_whoever_asks_is_named_only_where_the_plan_looks_at_it() -> None:
    async with scene(ONE) as here:
        await here.ids()
        assert here.qwen.asked[0].headers["user-agent"].startswith("qwenproxy/")
