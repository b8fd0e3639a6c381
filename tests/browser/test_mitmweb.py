"""mitmweb in a real browser: what a person sees of an exchange.

PICTURES=tests/pictures makes the pictures of the README anew.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from qwenproxy.commands.run import free_port
from qwenproxy.simulator.doors import COMPATIBLE
from qwenproxy.simulator.server import Simulator
from tests.support.apps import IN_TWO_CITIES, WEATHER, App, text_of
from tests.support.evidence import CLIENT_KEY, CREDENTIALS, OTHER_CLIENT_KEY, UPSTREAM_KEY, found_in
from tests.support.processes import QWENPROXY, authority, clean, running

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = 20.0
"""Seconds until something must be on the page."""
SIZE = (1440, 1000)
COMMAND = (*QWENPROXY, "run", "--ui", "web", "--no-proxy-port")
HEADERS = {name.replace("_", "-"): value for name, value in CREDENTIALS.items()}
LEARNS = "In one word, please. [sim: row max_output=64]"
REPAIRED = f"{IN_TWO_CITIES} [sim: single-quotes]"
LEAVES = "Tell me a long story. [sim: words 3000]"


@dataclass
class Played:
    """mitmweb with some exchanges, and where it is."""

    url: str
    output: str


async def play(app: App) -> None:
    """One exchange for each thing that can be seen."""
    mine: dict[str, Any] = {"extra_headers": HEADERS}
    offered: dict[str, Any] = {"tools": [WEATHER], "logit_bias": {"50256": -100}}
    await text_of(await app.stream(IN_TWO_CITIES, **mine, **offered, stream_options={"include_usage": True}))
    await app.ask("Say hello in three languages.", temperature=2, **mine)
    await app.ask(LEARNS, max_tokens=1000, **mine)
    await text_of(await app.stream(REPAIRED, tools=[WEATHER], **mine))
    await text_of(await app.stream("Three, please.", n=3, **mine))
    story = await app.stream(LEAVES, **mine)
    await anext(aiter(story))
    await story.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    home = tmp_path_factory.mktemp("home")
    confdir = home / "mitmproxy"
    authority(confdir)
    port, web = free_port("127.0.0.1"), free_port("127.0.0.1")
    simulator = Simulator(UPSTREAM_KEY, pace=0.01)
    await simulator.start()
    settings = {
        "upstream": f"{simulator.base_url}{COMPATIBLE}",
        "api_key": UPSTREAM_KEY,
        "client_keys": f"{CLIENT_KEY},{OTHER_CLIENT_KEY}",
    }
    command = (*COMMAND, "--port", str(port), "--set", f"web_port={web}", "--set", f"confdir={confdir}")
    try:
        async with running(command, clean(home, **settings), ready="listening reverse=") as process:
            async with App(f"http://127.0.0.1:{port}/v1", api_key=CLIENT_KEY) as app:
                await play(app)
            yield Played(process.output.split("web=")[1].split()[0], process.output)
    finally:
        await simulator.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A browser without a window; the tests are skipped where there is none."""
    found, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if found is None or driver is None:
        pytest.skip("there is no chromium with its chromedriver on this machine (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{word}")
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        made.set_window_size(*SIZE)
        yield made
    finally:
        made.quit()


class Page:
    """mitmweb as a person uses it."""

    def __init__(self, browser: webdriver.Chrome, played: Played) -> None:
        self._browser = browser
        browser.get(played.url)
        self.until(lambda: len(self.rows()) >= 6)

    def until(self, fits: object) -> None:
        assert callable(fits)
        redrawn = [StaleElementReferenceException]
        WebDriverWait(self._browser, PATIENCE, 0.05, redrawn).until(lambda _: fits())

    def all(self, selector: str) -> list[WebElement]:
        return self._browser.find_elements(By.CSS_SELECTOR, selector)

    def rows(self) -> list[str]:
        """The comments in the flow list."""
        script = "return [...document.querySelectorAll('.flow-table tbody td.col-comment')].map(cell => cell.innerText)"
        comments: list[str] = self._browser.execute_script(script)
        return comments

    @property
    def text(self) -> str:
        return str(self._browser.execute_script("return document.body.innerText"))

    @property
    def view(self) -> str:
        """The content view that is open, with its lines as they are."""
        (shown,) = self.all(".contentview pre")
        return str(self._browser.execute_script("return arguments[0].innerText", shown))

    def open(self, text: str, tab: str) -> str:
        """Open the *tab* of the first row that holds *text*; the view that it shows."""
        self.click(".flow-table tbody tr", text)
        self.click(".flow-detail .nav-tabs a", tab)
        self.until(lambda: [pre for pre in self.all(".contentview pre") if "=====" in pre.text])
        return self.view

    def choose(self, view: str) -> str:
        """The same by another content view."""
        before = self.view
        self.click(".contentview .controls a, .contentview .controls button", "View:")
        self.click(".dropdown-menu a", view)
        self.until(lambda: self.view != before)
        return self.view

    def click(self, selector: str, text: str) -> None:
        """Click the first of *selector* that holds *text*, as soon as it is there."""

        def found() -> bool:
            element = next((each for each in self.all(selector) if text in each.text), None)
            if element is not None:
                element.click()
            return element is not None

        self.until(found)

    def search(self, expression: str, found: int) -> None:
        """Type into the search field; wait until so many rows are left."""
        field = self.all("input[placeholder=Search]")[0]
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(expression or Keys.DELETE)
        self.until(lambda: len(self.rows()) == found)

    def picture(self, name: str, folder: Path) -> bytes:
        """A picture with the open view in its middle."""
        self._browser.execute_script("document.querySelector('.contentview').scrollIntoView()")
        file = Path(os.environ.get("PICTURES") or folder) / f"{name}.png"
        assert self._browser.save_screenshot(str(file))
        return file.read_bytes()


@pytest.fixture
def page(browser: webdriver.Chrome, played: Played) -> Page:
    return Page(browser, played)


def titles(view: str) -> list[str]:
    return [line.strip(" =").partition(":")[0] for line in view.splitlines() if "=====" in line]


async def test_the_list_tells_each_exchange_at_a_glance(page: Page) -> None:
    rows = page.rows()
    assert rows[0].startswith("chat gpt-4o -> qwen3.7-plus, 200, ")
    assert "dropped logit_bias" in rows[0]
    assert "changed temperature 2 -> 1.99" in rows[1]
    assert "learned max_output=64" in rows[2]
    assert "2 rounds" in rows[2]
    assert rows[3].startswith("🔧 chat gpt-4o -> qwen3.7-plus, 200, ")
    assert ", repaired " in rows[3]
    assert rows[5].startswith("✂ chat gpt-4o -> qwen3.7-plus, 499, ")


async def test_a_request_is_seen_as_the_app_sent_it_and_as_qwen_got_it(page: Page, tmp_path: Path) -> None:
    view = page.open("dropped logit_bias", "Request")
    assert titles(view) == [
        "from the app to Qwen (- dropped, + added, ~ changed)",
        "as the app sent it",
        "as Qwen got it",
    ]
    assert '- logit_bias: {"50256": -100}' in view
    assert '~ model: "gpt-4o" -> "qwen3.7-plus"' in view
    assert page.picture("request", tmp_path).startswith(b"\x89PNG")


async def test_a_streamed_answer_is_seen_as_the_message_that_it_adds_up_to(page: Page, tmp_path: Path) -> None:
    view = page.open("dropped logit_bias", "Response")
    assert titles(view)[:2] == ["as the app got it", "as Qwen answered"]
    message = view.partition("===== raw")[0]
    assert "thinking: |\n" in message
    assert "tool call: get_weather" in message
    assert '  {\n    "city": "Riga"\n  }\n' in message
    assert "finish: tool_calls" in message
    assert '"prompt_tokens": ' in message
    assert "first event at " in message
    assert "data: {" not in message
    assert view.count("data: {") > 10
    assert page.picture("response", tmp_path).startswith(b"\x89PNG")


async def test_each_round_is_seen_with_what_it_taught(page: Page) -> None:
    view = page.open("learned max_output", "Response")
    assert [title for title in titles(view) if title.startswith("as Qwen")] == [
        "as Qwen answered, round 1 of 2",
        "as Qwen answered, round 2 of 2",
    ]
    assert "learned: max_output=64" in view
    only = page.choose("qwen side")
    assert "as the app got it" not in titles(only)
    assert "as Qwen answered, round 2 of 2" in titles(only)


async def test_a_repair_is_seen(page: Page) -> None:
    assert "repaired: " in page.open("repaired", "Response")


async def test_each_choice_has_its_round(page: Page) -> None:
    view = page.open("3 rounds", "Request")
    assert "as Qwen got it, round 3 of 3, choice 2" in titles(view)


@pytest.mark.parametrize(
    ("expression", "found"),
    [("~comment dropped", 1), ("~comment learned", 1), ("~marker scissors", 1), ("~marked", 4)],
)
async def test_a_filter_finds_an_exchange(page: Page, expression: str, found: int) -> None:
    page.search(expression, found)
    page.search("", 6)


async def test_no_secret_is_seen(page: Page, played: Played) -> None:
    seen = [page.text]
    for number, row in enumerate(page.rows()):
        for tab in ("Request", "Response"):
            seen += [page.open(row, tab), page.text]
        assert "=====" in seen[-1], number
    text = "\n".join(seen).encode()
    assert b"as Qwen got it" in text
    assert found_in(text) == set()
    assert found_in(played.output.encode()) == set()
