"""The OAuth server's pages over HTTP: who may click, who may not, and what a click does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from qwenproxy.simulator.grants import Code, Terms
from qwenproxy.simulator.oauth import OAuth
from qwenproxy.simulator.oauth_web import AUTHORIZE, CONTROL, is_unfeigned
from qwenproxy.simulator.server import Simulator
from tests.support.clock import Clock
from tests.support.html import Page
from tests.support.oauth_forms import DEVICE

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass
class Browser:
    """Somebody at a browser, and the simulator with its clock."""

    session: aiohttp.ClientSession
    simulator: Simulator
    clock: Clock

    @property
    def oauth(self) -> OAuth:
        return self.simulator.oauth

    @property
    def host(self) -> str:
        return self.simulator.base_url.removeprefix("http://")

    def code(self) -> Code:
        """A sign-in that has just begun."""
        return self.oauth.grants.begin(DEVICE, self.clock.now())

    async def get(self, path: str, **query: str) -> tuple[int, Page]:
        url = self.simulator.base_url + path
        async with self.session.get(url, params=query, headers=HTML) as response:
            return response.status, Page(await response.text())

    async def click(self, page: Page, label: str, **headers: str) -> tuple[int, Page]:
        """Click the button *label*, as a browser does that stands on our own page."""
        form = next(form for form in page.forms if label in [button[0] for button in form.buttons])
        name, value = next((name, value) for said, name, value in form.buttons if said == label)
        data = form.fields | ({name: value} if name else {})
        sent = HTML | {"Origin": self.simulator.base_url} | headers
        url = self.simulator.base_url + form.action
        async with self.session.post(url, data=data, headers=sent) as response:
            return response.status, Page(await response.text())


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    clock = Clock()
    simulator = Simulator(pace=0)
    simulator.oauth = OAuth(Terms(), clock.now)
    await simulator.start()
    async with aiohttp.ClientSession() as session:
        yield Browser(session, simulator, clock)
    await simulator.stop()


@pytest.mark.parametrize(
    ("label", "state", "heading"), [("Authorise", "authorised", "Authorised"), ("Refuse", "refused", "Refused")]
)
async def test_a_click_decides_and_shows_it(browser: Browser, label: str, state: str, heading: str) -> None:
    code = browser.code()
    status, page = await browser.get(AUTHORIZE, user_code=code.user_code, client="qwen-code")
    assert (status, page.headings) == (200, ["Sign this device in?"])
    status, page = await browser.click(page, label)
    assert (status, page.headings, code.state) == (200, [heading], state)


async def test_looking_decides_nothing(browser: Browser) -> None:
    code = browser.code()
    await browser.get(AUTHORIZE, user_code=code.user_code, answer="authorise", ticket=code.ticket)
    assert code.state == "pending"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Host": "evil.example.com"}],
    ids=str,
)
async def test_a_foreign_page_cannot_click(browser: Browser, headers: dict[str, str]) -> None:
    code = browser.code()
    _, page = await browser.get(AUTHORIZE, user_code=code.user_code)
    status, page = await browser.click(page, "Authorise", **headers)
    assert (status, page.headings, code.state) == (403, ["Not from this page"], "pending")


@pytest.mark.parametrize("ticket", ["", "tk_guessed"])
async def test_nobody_clicks_without_having_read_the_page(browser: Browser, ticket: str) -> None:
    code = browser.code()
    _, page = await browser.get(AUTHORIZE, user_code=code.user_code)
    page.forms[0].fields["ticket"] = ticket
    status, _ = await browser.click(page, "Authorise")
    assert (status, code.state) == (403, "pending")


async def test_another_button_does_nothing(browser: Browser) -> None:
    code = browser.code()
    _, page = await browser.get(AUTHORIZE, user_code=code.user_code)
    page.forms[0].buttons = [("Else", "answer", "else")]
    status, page = await browser.click(page, "Else")
    assert (status, page.headings, code.state) == (200, ["Sign this device in?"], "pending")


async def test_a_code_can_be_typed_in_any_way(browser: Browser) -> None:
    status, page = await browser.get(AUTHORIZE)
    assert (status, page.headings) == (200, ["Sign a device in"])
    code = browser.code()
    _, page = await browser.get(AUTHORIZE, user_code=code.user_code.lower().replace("-", " "))
    assert code.user_code in page.text


async def test_an_unknown_code_is_asked_for_again(browser: Browser) -> None:
    status, page = await browser.get(AUTHORIZE, user_code="<b>")
    assert (status, page.headings) == (404, ["Sign a device in"])
    assert "There is no such code." in page.text


async def test_an_expired_code_is_too_late(browser: Browser) -> None:
    code = browser.code()
    _, page = await browser.get(AUTHORIZE, user_code=code.user_code)
    browser.clock.at += 900
    _, page = await browser.click(page, "Authorise")
    assert (page.headings, code.state) == (["Too late"], "pending")


async def test_a_login_that_was_picked_up_is_done(browser: Browser) -> None:
    code = browser.code()
    code.state = "used"
    browser.clock.at += 10_000
    _, page = await browser.get(AUTHORIZE, user_code=code.user_code)
    assert page.headings == ["Signed in"]


async def test_pages_carry_their_headers(browser: Browser) -> None:
    async with browser.session.get(browser.simulator.base_url + AUTHORIZE) as response:
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


async def told(browser: Browser, query: str, **headers: str) -> tuple[int, Any]:
    """Status and JSON of what a program gets that tells the server something."""
    async with browser.session.post(f"{browser.simulator.base_url}{CONTROL}?{query}", headers=headers) as response:
        return response.status, await response.json()


async def test_programs_control_it_by_the_query(browser: Browser) -> None:
    status, state = await told(browser, "oddity=firewall&argument=503&times=2&rotate=false")
    assert status == 200
    assert state["planned"] == ["firewall 503, 2 ×"]
    assert state["terms"]["rotate"] == "false"
    assert browser.oauth.terms.rotate is False
    async with browser.session.get(browser.simulator.base_url + CONTROL) as response:
        assert await response.json() == state


async def test_a_wrong_wish_is_told(browser: Browser) -> None:
    status, state = await told(browser, "oddity=rain")
    assert status == 400
    assert state["error"].startswith("no oddity is called 'rain'")


async def test_people_control_it_by_the_page(browser: Browser) -> None:
    _, page = await browser.get(CONTROL)
    page.forms[0].fields |= {"oddity": "slow", "argument": "2"}
    status, page = await browser.click(page, "Plan it")
    assert (status, "slow 2, 1 ×" in page.text) == (200, True)
    page.forms[2].fields["token_lifetime"] = "7"
    await browser.click(page, "Set")
    assert browser.oauth.terms.token_lifetime == 7
    status, page = await browser.click(page, "Forget what is planned")
    assert "Nothing odd is planned." in page.text


async def test_a_foreign_page_cannot_control_it(browser: Browser) -> None:
    url = f"{browser.simulator.base_url}{CONTROL}?oddity=error"
    for headers in ({"Origin": "https://evil.example.com"}, {"Host": "evil.example.com"}):
        async with browser.session.post(url, headers=headers) as response:
            assert response.status == 403
    async with browser.session.get(url, headers={"Host": "evil.example.com"}) as response:
        assert response.status == 403
    async with browser.session.get(url) as response:
        assert (await response.json())["planned"] == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8090", True),
        ("[::1]:8090", True),
        ("192.168.1.7", True),
        ("localhost:8090", True),
        ("app.localhost", True),
        ("simulator:8090", True),
        ("evil.example.com", False),
        ("127.0.0.1.evil.example.com:8090", False),
    ],
)
def test_a_name_with_a_dot_may_have_been_made_to_point_here(host: str, expected: bool) -> None:
    assert is_unfeigned(host) is expected
