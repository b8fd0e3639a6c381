"""The page for people with a browser."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qwenproxy.flows.home import HEADERS, Home, Upstream, page

FULL = Home(
    "1.2",
    "http://localhost:8080/v1",
    proxies=["http://127.0.0.1:8081"],
    ca="/home/me/.mitmproxy/mitmproxy-ca-cert.pem",
    upstreams=[
        Upstream("https://qwen.test/v1", "api_key", "there is a key", True),
        Upstream("b", "oauth", "lost", False),
    ],
    models=["gpt-4o", "qwen3.7-plus"],
    exchanges=[{"time": "12:00:01", "endpoint": "chat", "status": 429, "model": "gpt-4o", "error": "<b>slow</b>"}],
)
NESTED = ("html", "head", "body", "table", "tr", "td", "th", "h1", "h2", "p", "pre", "code", "span", "style", "title")


class Reader(HTMLParser):
    """Takes the page apart, and sees to it that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag in NESTED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.cells.append(data)


def read(home: Home) -> Reader:
    reader = Reader()
    reader.feed(page(home).decode())
    reader.close()
    assert not reader.open
    return reader


def test_it_says_how_to_point_an_app_here_and_how_things_are() -> None:
    cells = read(FULL).cells
    text = "\n".join(cells)
    for words in (
        "OPENAI_BASE_URL=http://localhost:8080/v1",
        "HTTPS_PROXY=http://127.0.0.1:8081\nSSL_CERT_FILE=/home/me/.mitmproxy/mitmproxy-ca-cert.pem",
        "https://qwen.test/v1",
        "qwen3.7-plus",
        "429",
    ):
        assert words in text


def test_what_comes_from_outside_is_text_not_markup() -> None:
    reader = read(FULL)
    assert "<b>slow</b>" in reader.cells
    assert "b" not in reader.tags
    assert "script" not in reader.tags


def test_who_must_show_a_key_is_told_no_more_than_that() -> None:
    text = "\n".join(read(replace(FULL, keys=True)).cells)
    assert "OPENAI_API_KEY=one of the client keys" in text
    assert "SSL_CERT_FILE=mitmproxy-ca-cert.pem" in text
    for words in ("qwen.test", "qwen3.7-plus", "429", "/home/me", "qwenproxy exec"):
        assert words not in text


@pytest.mark.parametrize("home", [Home("1", "http://a/v1"), FULL], ids=["empty", "full"])
def test_it_is_one_document_that_loads_nothing(home: Home) -> None:
    html = page(home).decode()
    assert html.startswith("<!doctype html>")
    assert not {"script", "img", "link", "iframe", "form"} & read(home).tags
    assert "default-src 'none'" in HEADERS["content-security-policy"]
