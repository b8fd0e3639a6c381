"""Fetching: what is let through, what is not, and that no detour leads inside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
import pytest_asyncio
from aiohttp import web

from qwenproxy.tools.fetch import LONGEST, Fence, Fetcher, decoded
from qwenproxy.tools.tool import ToolError

HOSTS = ("example.com", "*.example.org", "10.0.0.1", "127.0.0.1", "0x7f.1", "2130706433")


async def nobody(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


FENCE = Fence(HOSTS, resolve=nobody)

REFUSED = {
    "another host": ("http://other.com/", "is not one of those allowed: example.com"),
    "a host that ends alike": ("http://badexample.com/", "is not one of those allowed"),
    "a host that begins alike": ("http://example.com.evil.com/", "is not one of those allowed"),
    "the parent of those allowed": ("http://example.org/", "is not one of those allowed"),
    "a user": ("http://example.com@evil.com/", "user name"),
    "a password": ("http://a:b@example.com/", "user name"),
    "a backslash": ("http://evil.com\\@example.com/", "no URL"),
    "another scheme": ("file:///etc/passwd", "only http"),
    "ftp": ("ftp://example.com/", "only http"),
    "gopher": ("gopher://example.com/", "only http"),
    "no host": ("http:///path", "only http"),
    "no URL": ("example.com", "only http"),
    "another port": ("http://example.com:22/", "port 22"),
    "no port": ("http://example.com:port/", "no URL"),
    "a line break": ("http://example.com/\r\nHost: evil", "no URL"),
    "a space": ("http://example.com /", "no URL"),
    "another script": ("http://ｅxample.com/", "no URL"),
    "a long one": ("http://example.com/" + "x" * LONGEST, "no URL"),
    "a private address, though named": ("http://10.0.0.1/", "not public"),
    "loopback, though named": ("http://127.0.0.1/", "not public"),
    "loopback in hexadecimal": ("http://0x7f.1/", "is not one of those allowed"),
    "loopback as one number": ("http://2130706433/", "is not one of those allowed"),
    "loopback in octal": ("http://0177.0.0.1/", "is not one of those allowed"),
    "loopback, short": ("http://127.1/", "is not one of those allowed"),
    "loopback, mapped": ("http://[::ffff:127.0.0.1]/", "is not one of those allowed"),
    "loopback of six": ("http://[::1]/", "is not one of those allowed"),
    "a broken bracket": ("http://[::1/", "no URL"),
    "localhost": ("http://localhost/", "is not one of those allowed"),
    "metadata": ("http://169.254.169.254/latest/meta-data/", "is not one of those allowed"),
}


@pytest.mark.parametrize(("url", "complaint"), REFUSED.values(), ids=REFUSED)
async def test_a_url_is_refused_before_anything_is_sent(url: str, complaint: str) -> None:
    with pytest.raises(ToolError, match=complaint):
        await Fetcher(FENCE).fetch(url)


NAMES = {
    "loopback": ["127.0.0.1"],
    "loopback of six": ["::1"],
    "private": ["192.168.0.1"],
    "link-local": ["169.254.169.254"],
    "mapped": ["::ffff:10.0.0.1"],
    "6to4": ["2002:7f00:1::"],
    "one of two": ["93.184.216.34", "10.0.0.1"],
}


@pytest.mark.parametrize("addresses", NAMES.values(), ids=NAMES)
async def test_an_allowed_name_of_an_inner_address_is_refused(addresses: Sequence[str]) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    with pytest.raises(ToolError, match=r"example\.com is at an address that is not public"):
        await Fetcher(Fence(("example.com",), resolve=resolve)).fetch("http://example.com/")


async def test_a_name_without_address_is_told() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(ToolError, match=r"example\.com has no address"):
        await Fetcher(Fence(("example.com",), resolve=resolve)).fetch("http://example.com/")


class Site:
    """A web server here, which the fence takes for a.example and b.example, in the open internet."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[web.BaseRequest] = []
        self.resolved: list[str] = []
        self.answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = self.hello
        self.fence = Fence(
            ("a.example", "b.example"),
            is_public=lambda address: address == "127.0.0.1",
            ports=frozenset({port}),
            resolve=self.resolve,
        )

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        return ["10.0.0.1"] if len(self.resolved) > 20 else ["127.0.0.1"]

    async def hello(self, request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="hello")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answer(request)

    async def fetch(self, path: str = "/", **more: int) -> str:
        return await Fetcher(self.fence, **more).fetch(f"http://a.example:{self.port}{path}")


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    found: list[Site] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await found[0].handle(request)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.append(Site(runner.addresses[0][1]))
    yield found[0]
    await runner.cleanup()


async def test_text_is_fetched_without_credentials_or_cookies(site: Site) -> None:
    assert await site.fetch("/?q=1") == "hello"
    (request,) = site.asked
    assert (request.method, request.path_qs, request.host) == ("GET", "/?q=1", f"a.example:{site.port}")
    assert request.headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & {name.lower() for name in request.headers}


async def test_a_name_is_looked_up_once_for_each_connection(site: Site) -> None:
    await site.fetch()
    assert site.resolved == ["a.example"]


def redirecting(*targets: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    left = list(targets)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if left:
            return web.Response(status=302, headers={"location": left.pop(0)})
        return web.Response(text=f"at {request.host}{request.path}")

    return answer


async def test_a_redirect_within_the_fence_is_followed(site: Site) -> None:
    site.answer = redirecting("/two#part", f"http://b.example:{site.port}/three")
    assert await site.fetch() == f"at b.example:{site.port}/three"
    assert site.resolved == ["a.example", "a.example", "b.example"]


async def test_a_redirect_out_of_the_fence_is_not(site: Site) -> None:
    outside = {
        "http://127.0.0.1:{port}/": "127.0.0.1 is not one of those allowed",
        "http://localhost:{port}/": "localhost is not one of those allowed",
        "//[::1]:{port}/": "::1 is not one of those allowed",
        "http://2130706433:{port}/": "2130706433 is not one of those allowed",
        "http://evil.example:{port}/": "evil.example is not one of those allowed",
        "file:///etc/passwd": "only http",
        "http://a.example:22/": "port 22",
        "http://x@a.example:{port}/": "user name",
    }
    for target, complaint in outside.items():
        site.answer = redirecting(target.format(port=site.port))
        with pytest.raises(ToolError, match=complaint):
            await site.fetch()
    assert len(site.asked) == len(outside)


async def test_redirects_without_end_are_left(site: Site) -> None:
    site.answer = redirecting(*["/again"] * 50)
    with pytest.raises(ToolError, match="redirects more than 5 times"):
        await site.fetch()
    assert len(site.asked) == 6


async def test_a_name_that_turns_inside_between_two_hops_is_refused(site: Site) -> None:
    site.resolved += ["before"] * 19
    site.answer = redirecting("/two", "/three")
    with pytest.raises(ToolError, match="not public"):
        await site.fetch()
    assert len(site.asked) == 1


async def test_a_page_is_its_words(site: Site) -> None:
    async def page(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<title>T</title><p>a<script>b</script>", content_type="text/html")

    site.answer = page
    assert await site.fetch() == "T\na"


async def test_an_error_says_its_status(site: Site) -> None:
    async def missing(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404, text="no such page")

    site.answer = missing
    assert await site.fetch() == "[HTTP status 404]\nno such page"


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/pdf", "application/zip"])
async def test_what_is_no_text_is_not_read(site: Site, kind: str) -> None:
    async def binary(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"\x00" * 10, content_type=kind)

    site.answer = binary
    with pytest.raises(ToolError, match=f"no text but {kind}"):
        await site.fetch()


async def test_what_is_packed_is_not_unpacked(site: Site) -> None:
    async def packed(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"\x1f\x8b", headers={"content-encoding": "gzip", "content-type": "text/plain"})

    site.answer = packed
    with pytest.raises(ToolError, match="packed"):
        await site.fetch()


async def test_a_body_without_end_is_cut(site: Site) -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/plain"})
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(b"x" * 65_536)
        return response

    site.answer = endless
    text = await asyncio.wait_for(site.fetch(largest=2_048), 10)
    assert text == "x" * 2_048 + "\n[cut here: only 2 KiB are read]"


async def test_a_server_that_hangs_is_left_when_the_call_is(site: Site) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    site.answer = hang
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(site.fetch(), 0.2)


async def test_a_server_that_is_not_there_or_no_server_is_an_error(site: Site) -> None:
    async def refuse(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    fence = Fence(("a.example",), is_public=lambda _: True, ports=frozenset({1}), resolve=refuse)
    with pytest.raises(ToolError, match="could not be fetched: ClientConnectorError"):
        await Fetcher(fence).fetch("http://a.example:1/")


async def test_https_is_checked(site: Site) -> None:
    with pytest.raises(ToolError, match="could not be fetched"):
        await Fetcher(site.fence).fetch(f"https://a.example:{site.port}/")


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [(b"\xe4", "latin-1", "ä"), ("ä".encode(), "utf-8", "ä"), (b"\xff", "utf-8", "�"), (b"a", "no-such", "a")],
)
def test_text_is_read_as_it_says(data: bytes, charset: str, text: str) -> None:
    assert decoded(data, charset) == text
