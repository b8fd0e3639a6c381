"""Three whole proxies behind HAProxy, with a Redis: what they share, and what becomes of exchanges when one goes."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import openai
import orjson
import pytest

from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.support.clock import until
from tests.support.processes import QWENPROXY, ROOT, Process, authority, clean, running
from tests.support.services import RedisServer, free_port, needs, redis_server

pytestmark = [*needs("redis-server", "haproxy"), pytest.mark.timeout(300)]

KEY = "k" * 32
MODEL = "qwen3-coder-plus"
LONG = "word " * 120
"""Takes some seconds to be said."""


@dataclass
class House:
    """The proxies by their ports, and what stands around them."""

    folder: Path
    redis: RedisServer
    simulator: Simulator
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(3)])
    front: int = field(default_factory=free_port)
    more: dict[str, str] = field(default_factory=dict)
    apps: list[openai.AsyncOpenAI] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        settings = {
            "state": self.redis.url,
            "state_keys": KEY,
            "upstream": f"{self.simulator.base_url}/compatible-mode/v1",
            "api_key": self.simulator.key,
        }
        return clean(self.folder, **settings | self.more)

    @asynccontextmanager
    async def proxy(self, number: int) -> AsyncIterator[Process]:
        words = ("run", "--port", str(self.ports[number]), "--no-proxy-port")
        confdir = ("--set", f"confdir={self.folder / 'mitmproxy'}")
        async with running((*QWENPROXY, *words, *confdir), self.environ, ready="listening") as found:
            yield found

    @asynccontextmanager
    async def haproxy(self) -> AsyncIterator[Process]:
        names = zip(("ONE", "TWO", "THREE"), self.ports, strict=True)
        places = {f"QWENPROXY_{name}": f"127.0.0.1:{port}" for name, port in names}
        environ = clean(self.folder) | places | {"QWENPROXY_BIND": f"127.0.0.1:{self.front}"}
        words = ("haproxy", "-db", "-f", str(ROOT / "scripts/deploy/haproxy.cfg"))
        async with running(words, environ) as found:
            yield found

    def app(self, number: int | None = None) -> openai.AsyncOpenAI:
        """An app that calls one of the proxies; None: HAProxy.  It tries nothing twice."""
        port = self.front if number is None else self.ports[number]
        self.apps.append(openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="sk-app", max_retries=0))
        return self.apps[-1]


@asynccontextmanager
async def house(folder: Path, pace: float = 0.02, **more: str) -> AsyncIterator[House]:
    authority(folder / "mitmproxy")
    simulator = Simulator(pace=pace, terms=Terms(interval=1, authorise_after=0.2, token_lifetime=8))
    await simulator.start()
    try:
        async with redis_server(folder) as redis:
            made = House(folder, redis, simulator, more=more)
            yield made
            for app in made.apps:
                await app.close()
    finally:
        await simulator.stop()


async def said(app: openai.AsyncOpenAI, text: str) -> str:
    """The streamed answer to *text*, whole."""
    stream = await app.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], stream=True)
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices[0].finish_reason == "stop"
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def ready(house: House, port: int) -> None:
    """Wait until HAProxy, or one of the proxies, answers at *port* that it is ready."""
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("nobody is ready")


async def stop(proxy: Process) -> None:
    """Tell it to stop, and wait until it has taken its leave."""
    proxy.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(proxy.process.wait(), 60) == 0


async def test_a_rolling_restart_under_load_loses_no_exchange(tmp_path: Path) -> None:
    """Eight apps talk all the time, in long streams and short; each proxy in turn is told to stop, and started anew."""
    over = asyncio.Event()
    outcomes: Counter[str] = Counter()

    async def talk(app: openai.AsyncOpenAI, text: str) -> None:
        while not over.is_set():
            try:
                await said(app, text)
                outcomes["whole"] += 1
            except (openai.OpenAIError, aiohttp.ClientError, AssertionError) as e:
                outcomes[repr(e)] += 1

    def enough(least: int) -> bool:
        return outcomes["whole"] >= least

    async with house(tmp_path) as made, AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(made.proxy(number)) for number in range(3)]
        await stack.enter_async_context(made.haproxy())
        await ready(made, made.front)
        apps = [made.app() for _ in range(8)]
        talking = [asyncio.create_task(talk(app, LONG if n % 2 else "Hello")) for n, app in enumerate(apps)]
        for number in range(3):
            least = outcomes["whole"] + 20
            await stop(proxies[number])
            proxies[number] = await stack.enter_async_context(made.proxy(number))
            await ready(made, made.ports[number])
            assert await until(partial(enough, least), 60)
        over.set()
        await asyncio.gather(*talking)
        await asyncio.gather(*map(stop, proxies))
        usage = await stack.enter_async_context(running((*QWENPROXY, "usage", "--json"), made.environ))
        assert await usage.ended() == 0
    assert set(outcomes) == {"whole"}, outcomes
    assert outcomes["whole"] > 60
    assert sum(row["requests"] for row in orjson.loads(usage.output)) == outcomes["whole"], "one usage for all machines"


async def test_a_killed_process_loses_its_own_streams_only(tmp_path: Path) -> None:
    async with house(tmp_path) as made, AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(made.proxy(number)) for number in range(3)]
        await stack.enter_async_context(made.haproxy())
        await ready(made, made.front)
        apps = [made.app() for _ in range(9)]
        streams = [asyncio.create_task(said(app, LONG)) for app in apps]
        assert await until(lambda: len(made.simulator.requests) == len(apps), 30)
        proxies[1].process.kill()
        outcomes = await asyncio.gather(*streams, return_exceptions=True)
        broken = [each for each in outcomes if isinstance(each, BaseException)]
        assert len(broken) == 3, "the third that was its own"
        assert not [each for each in broken if isinstance(each, AssertionError | IndexError)], "seen as an end"
        assert len({each for each in outcomes if isinstance(each, str)}) == 1
        assert await said(made.app(), "Hello"), "the others go on"


async def test_a_response_is_found_on_every_machine_and_while_redis_is_away_that_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, pace=0.001) as made, AsyncExitStack() as stack:
        for number in range(2):
            await stack.enter_async_context(made.proxy(number))
        one, two = made.app(0), made.app(1)
        first = await one.responses.create(model=MODEL, input="My name is Ann.")
        second = await two.responses.create(model=MODEL, input="Who am I?", previous_response_id=first.id)
        assert (await one.responses.retrieve(second.id)).output_text == second.output_text
        with pytest.raises(openai.NotFoundError):
            await one.with_options(api_key="sk-another").responses.retrieve(second.id)
        await made.redis.stop()
        with pytest.raises(openai.InternalServerError) as caught:
            await two.responses.retrieve(second.id)
        assert (caught.value.status_code, caught.value.code) == (503, "state_unavailable")
        assert caught.value.response.headers["retry-after"] == "2"
        assert "setting state" in caught.value.message
        assert await said(one, "Hello"), "what needs no state is answered"
        assert (await one.responses.create(model=MODEL, input="Hello")).output_text


async def sign_in(made: House) -> None:
    """Let the proxies go by a login, which `qwenproxy login` puts into the Redis."""
    url = made.simulator.base_url
    made.more = {"upstream": f"{url}/v1", "auth": "oauth", "oauth_url": url}
    async with running((*QWENPROXY, "login", "--no-qr"), made.environ) as login:
        assert await login.ended() == 0, login.output
        assert f"kept in   {made.redis.url}" in login.output


async def test_whole_proxies_share_one_login(tmp_path: Path) -> None:
    """It is put there by `qwenproxy login`, lasts for eight seconds, and is renewed three times or more."""
    async with house(tmp_path, pace=0.001) as made, AsyncExitStack() as stack:
        await sign_in(made)
        apps = [made.app(number) for number in range(3)]
        proxies = [await stack.enter_async_context(made.proxy(number)) for number in range(3)]
        counts = made.simulator.oauth.grants.counts
        while counts["refreshes"] < 3:
            assert all(await asyncio.gather(*(said(app, "Hello") for app in apps)))
            await asyncio.sleep(0.2)
        assert (counts["logins"], counts["reused"]) == (1, 0)
        printed = "".join(proxy.output for proxy in proxies)
        assert not (tmp_path / ".qwen").exists()
        assert KEY not in printed


LOST = "fell silent, so that another had to try the same one"


async def refused(app: openai.AsyncOpenAI, text: str) -> str:
    """What the app is told, once its error says *text*; until then others may be there."""
    told = ""
    for _ in range(600):
        with pytest.raises(openai.APIStatusError) as caught:
            await said(app, "Hello")
        told = str(caught.value)
        if text in told:
            assert caught.value.status_code == 401
            return told
        await asyncio.sleep(0.2)
    raise AssertionError(told)


async def answered(app: openai.AsyncOpenAI) -> None:
    """Wait until the app is answered."""
    for _ in range(300):
        try:
            assert await said(app, "Hello")
            return
        except openai.AuthenticationError:
            await asyncio.sleep(0.1)
    raise AssertionError("no login has come back")


async def why_not(port: int) -> dict[str, Any]:
    """What the proxy at *port* says of itself, which is not ready."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as response:
        assert response.status == 503
        found: dict[str, Any] = orjson.loads(await response.read())
        return found


async def confirm(link: str) -> None:
    """Open *link* and say yes, as a browser would."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(link) as page:
            fields = dict(re.findall(r'name="(user_code|ticket)" value="([^"]+)"', await page.text()))
        async with browser.post(link.partition("?")[0], data=fields | {"answer": "authorise"}) as page:
            assert page.status == 200, await page.text()


@pytest.mark.chaos  # it waits until a silent holder counts as gone
async def test_a_lost_login_is_reported_everywhere_and_the_sign_in_that_is_offered_brings_all_back(
    tmp_path: Path,
) -> None:
    """One proxy is stopped with its refresh on the way, for longer than the others can wait for what comes of it."""
    async with house(tmp_path, pace=0.001) as made, AsyncExitStack() as stack:
        oauth = made.simulator.oauth
        await sign_in(made)
        oauth.terms.authorise_after = None
        oauth.be("slow 5", at="refresh")
        late = await stack.enter_async_context(made.proxy(0))
        assert await until(lambda: oauth.counts["refreshes"] == 1, 60)
        late.process.send_signal(signal.SIGSTOP)
        try:
            others = [await stack.enter_async_context(made.proxy(number)) for number in (1, 2)]
            front = await stack.enter_async_context(made.haproxy())
            await front.until("Server unready/one is DOWN")  # what it sends before, the one that is stopped keeps
            assert await refused(made.app(), LOST)
            for number, proxy in enumerate(others, 1):
                told = await refused(made.app(number), LOST)
                link, code = re.findall(r"Open (\S+) and confirm the code (\S+), or run `qwenproxy login`", told)[0]
                found = await why_not(made.ports[number])
                assert LOST in found["why"]
                assert found["next"] == f"open {link} and enter {code}, or run `qwenproxy login`"
                assert LOST in proxy.output
                assert f"Sign in to Qwen: open {link} and confirm the code {code}" in proxy.output
            for command in ("status", "doctor"):
                report = await stack.enter_async_context(running((*QWENPROXY, command), made.environ))
                assert await report.ended() == 1
                assert LOST in (shown := " ".join(report.output.split()))
                assert "`qwenproxy login` signs in" in shown
            await confirm(link)
            for anyone in (1, 2, None):
                await answered(made.app(anyone))
        finally:
            late.process.send_signal(signal.SIGCONT)
        refreshes = oauth.counts["refreshes"]
        while oauth.counts["refreshes"] == refreshes:
            for number in range(3):
                await answered(made.app(number))
            await asyncio.sleep(1)  # a login is good for 60 calls a minute
        assert (oauth.counts["logins"], oauth.counts["reused"]) == (2, 1)
