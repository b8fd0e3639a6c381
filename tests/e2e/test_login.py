"""`qwenproxy login` in a real terminal, the simulator's page in a browser's hands."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from qwenproxy.commands import qr
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.support.commands import Home
from tests.support.html import Page
from tests.support.processes import QWENPROXY
from tests.support.terminal import TMUX, Terminal, terminal

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")

WAITING = "Waiting for you to confirm it"
LEFT = re.compile(r"·  (\d+:\d\d) left$", re.MULTILINE)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@asynccontextmanager
async def login(
    home: Home, *words: str, columns: int = 80, rows: int = 24, interval: float = 0.2, **terms: Any
) -> AsyncIterator[tuple[Terminal, Simulator]]:
    """A terminal in which `qwenproxy login` waits, and the simulator it waits for."""
    simulator = Simulator(terms=Terms(interval=interval, **terms))
    await simulator.start()
    try:
        environ = home.environ(oauth_url=simulator.base_url, allowed_hosts="127.0.0.1")
        command = (*QWENPROXY, "login", *words)
        async with terminal(command, environ, columns=columns, rows=rows) as found:
            await found.until(WAITING)
            yield found, simulator
    finally:
        await simulator.stop()


def link_on(screen: str) -> str:
    (link,) = re.findall(r"^  (http://\S+)$", screen, re.MULTILINE)
    return str(link)


async def click(link: str, label: str) -> str:
    """Open *link*, click the button, and see what the page says then."""
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as http:
        async with http.get(link) as response:
            (form,) = Page(await response.text()).forms
        (pressed,) = [{name: value} for said, name, value in form.buttons if said == label]
        origin = link.partition("/authorize")[0]
        async with http.post(origin + form.action, data=form.fields | pressed, headers={"Origin": origin}) as response:
            return Page(await response.text()).headings[0]


async def test_link_code_qr_and_countdown_are_on_the_smallest_common_screen_and_a_click_ends_it_well(
    home: Home,
) -> None:
    async with login(home) as (found, simulator):
        screen = await found.screen()
        link, host = link_on(screen), simulator.base_url.removeprefix("http://")
        lines = screen.splitlines()
        assert lines[0] == f"Sign in to {host}: open this link and confirm the code there."
        assert f"  Code {link.partition('user_code=')[2].partition('&')[0]}" in lines
        assert [line[2:] for line in lines[1:19]] == qr.lines(link, 78, 18, colours=False)
        (first,) = LEFT.findall(screen)
        assert first in ("15:00", "14:59", "14:58")
        following = "14:57" if first != "14:57" else "14:56"
        await found.until(f"{WAITING}  ·  {following} left")
        assert await click(link, "Authorise") == "Authorised"
        ended = await found.until("Signed in to")
        assert await found.ended() == 0
        assert WAITING not in ended
        assert f"  kept in   {home.file}" in ended.replace("\n", "")
        assert "ended on 2026-04-15" in await found.screen()
    assert home.modes == (0o600, 0o700)


async def test_in_a_roomy_terminal_it_has_colours_and_air(home: Home) -> None:
    async with login(home, columns=120, rows=50) as (found, _):
        screen, coloured = await found.screen(), await found.screen(colours=True)
        assert screen.splitlines()[1] == ""
        assert [line[2:] for line in screen.splitlines()[2:21]] == qr.lines(link_on(screen), 118, 44, colours=False)
        assert "\x1b[38;5;231m\x1b[48;5;16m█" in coloured
        assert "\x1b[1m" in coloured


@pytest.mark.parametrize(
    ("words", "size"), [(("--no-qr",), {}), ((), {"columns": 80, "rows": 20})], ids=["not wanted", "no room"]
)
async def test_without_a_qr_code_there_is_the_link(home: Home, words: tuple[str, ...], size: dict[str, int]) -> None:
    async with login(home, *words, **size) as (found, simulator):
        screen = await found.screen()
        assert link_on(screen).startswith(simulator.base_url)
        assert "█" not in screen
        assert LEFT.search(screen)


async def test_a_refusal_is_said(home: Home) -> None:
    async with login(home, "--no-qr") as (found, _):
        link = link_on(await found.screen())
        assert await click(link, "Refuse") == "Refused"
        assert await found.ended() == 1
        assert "qwenproxy login: not signed in: " in await found.screen()
    assert home.names == []


async def test_an_expired_code_is_said(home: Home) -> None:
    async with login(home, "--no-qr", code_lifetime=1.5) as (found, _):
        assert await found.ended() == 1
        screen = await found.screen()
        assert "qwenproxy login: not signed in: the code was not confirmed in time" in screen
        assert WAITING not in screen
    assert home.names == []


async def test_interrupted_it_ends_at_once(home: Home) -> None:
    async with login(home, "--no-qr", interval=5) as (found, _):
        await found.press("C-c")
        assert await found.ended() == 130
        screen = await found.screen()
        assert "qwenproxy login: interrupted: nothing was changed" in screen
        assert WAITING not in screen
        assert "Traceback" not in screen
    assert home.names == []


async def test_what_is_in_the_way_is_shown_and_waited_for(home: Home) -> None:
    async with login(home, "--no-qr", interval=0.5) as (found, simulator):
        host = simulator.base_url.removeprefix("http://")
        simulator.oauth.be("firewall 503", times=2)
        await found.until(f"The firewall of {host} is in the way (HTTP 503): trying again in ")
        await found.until(WAITING)
        simulator.oauth.be("slow-down")
        await found.until(f"{host} asks for more patience: trying again in 5 s")
