"""Transparent mode as it is: the kernel redirects connections, and the apps know nothing of it."""

import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.clients import toolchains
from tests.clients.toolchains import CLIENTS, needed
from tests.netns.conftest import World, world
from tests.support.clients import CHAT, HELLO
from tests.support.namespaces import EXAMPLE, OPENAI, original_at
from tests.support.stage import ANSWER, DONE, KEY, event
from tests.support.upstream import STREAM_END, STREAM_HEAD, whole

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

REDIRECT = (sys.executable, "-m", "scripts.redirection")
REDIRECTED = "redirected to port"
DEAD = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""A proxy that nobody answers at: what heeds these variables gets nowhere."""
FOUR, SIX = OPENAI[socket.AF_INET], OPENAI[socket.AF_INET6]
STREAM = STREAM_HEAD + event("Hi") + event("", "stop") + DONE + STREAM_END
CURL = ("curl", "-sS", "--noproxy", "*", "-m", "20", "-H", f"authorization: {KEY}")
ASKING = ("-H", "content-type: application/json", "-d", orjson.dumps(HELLO).decode())
URL = f"https://api.openai.com{CHAT}"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(open_folder: Path) -> AsyncIterator[World]:
    """A network in which everybody but the proxy is redirected."""
    async with world(open_folder) as found, found.running(*REDIRECT, "--all", "--", *found.confdir, ready=REDIRECTED):
        yield found


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def openai_is_not_reached(here: World) -> AsyncIterator[None]:
    here.upstream.replies[:] = [whole(ANSWER)]
    yield
    assert here.openai.received == []
    told = [f"{asked.headers} {asked.body!r}" for asked in here.upstream.asked]
    assert not any("SECRET" in each or "sk-hardcoded-in-the-app" in each for each in told)


FETCH = """
const ask = async (more) => {
  const body = JSON.stringify({model: "gpt-4o", messages: [{role: "user", content: "hello"}], ...more});
  const headers = {"content-type": "application/json", authorization: process.argv[1]};
  const answer = await fetch("https://api.openai.com/v1/chat/completions", {method: "POST", headers, body});
  return `${answer.status} ${(await answer.text()).replaceAll("\\n", " ")}`;
};
console.log(await ask({}));
"""
"""A program for Node, which until version 22 has no way to heed a proxy variable."""

SDK = """
import httpx, openai, sys
client = openai.OpenAI(api_key=sys.argv[1], http_client=openai.DefaultHttpxClient(trust_env=False, verify=sys.argv[2]))
asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
print(client.base_url, client.chat.completions.create(**asked).choices[0].message.content)
"""


async def curl(here: World, *words: str, ca: Path | None = None) -> tuple[int, str]:
    """How curl ends, which trusts *ca* alone: the proxy's, or another one."""
    return await here.home.run(*CURL, "--cacert", str(ca or here.ca), *words)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_curl_that_uses_no_proxy(here: World, version: str) -> None:
    status, out = await curl(here, version, *ASKING, "-w", " %{http_version}", URL)
    assert status == 0, out
    assert '"object":"chat.completion"' in out
    assert out.endswith(version.removeprefix("--http"))


async def test_a_stream(here: World) -> None:
    here.upstream.replies[:] = [STREAM]
    body = orjson.dumps(HELLO | {"stream": True}).decode()
    _, out = await curl(here, "-N", "-H", "content-type: application/json", "-d", body, URL)
    assert '"content":"Hi"' in out
    assert out.rstrip().endswith("data: [DONE]")


async def test_node_which_ignores_proxy_variables(here: World) -> None:
    node = needed(lambda: toolchains.program("node"))
    words = (node, "--input-type=module", "-e", FETCH, "--", KEY)
    status, out = await here.home.run(*words, environ={"NODE_EXTRA_CA_CERTS": str(here.ca), **DEAD})
    assert status == 0, out
    assert out.startswith("200 {")
    assert '"object":"chat.completion"' in out


async def test_openai_python_without_its_environment(here: World) -> None:
    status, out = await here.home.run(
        sys.executable, "-c", SDK, KEY.removeprefix("Bearer "), str(here.ca), environ=DEAD
    )
    assert (status, out) == (0, "https://api.openai.com/v1/ Hi\n")


async def test_java_which_ignores_proxy_variables(here: World, tmp_path: Path) -> None:
    java = needed(lambda: toolchains.program("java"))
    store = needed(lambda: toolchains.trust_store(here.ca, tmp_path / "trust.jks"))
    here.upstream.replies[:] = [whole(ANSWER), STREAM]
    words = (java, f"-Djavax.net.ssl.trustStore={store}", str(CLIENTS / "Chat.java"))
    status, out = await here.home.run(*words, environ=DEAD)
    assert status == 0, out
    assert [line.split()[:2] for line in out.splitlines()] == [["HTTP_2", "200"]] * 2


async def test_a_static_program_in_go(here: World, tmp_path: Path) -> None:
    go = needed(lambda: toolchains.program("go"))
    built, cache = tmp_path / "chat", tmp_path / "cache"
    static = {"CGO_ENABLED": "0", "GOCACHE": str(cache), "HOME": str(tmp_path), "SSL_CERT_FILE": str(here.ca)}
    status, out = await here.home.run(go, "build", "-o", str(built), str(CLIENTS / "chat.go"), environ=static)
    assert status == 0, out
    here.upstream.replies[:] = [whole(ANSWER), STREAM]
    status, out = await here.home.run(str(built), environ={"SSL_CERT_FILE": str(here.ca)})
    assert status == 0, out
    assert [line.split()[:2] for line in out.splitlines()] == [["HTTP_2.0", "200"]] * 2


@pytest.mark.parametrize("address", [FOUR, f"[{SIX}]"])
@pytest.mark.parametrize("host", ["api.openai.com", "198.51.100.10"])
async def test_an_address_is_ours_by_its_server_name(here: World, address: str, host: str) -> None:
    """Whatever the Host header says."""
    there = ("--resolve", f"api.openai.com:443:{address}", "-H", f"host: {host}")
    status, out = await curl(here, *there, *ASKING, URL)
    assert (status, '"object":"chat.completion"' in out) == (0, True), out


@pytest.mark.parametrize("address", [FOUR, f"[{SIX}]"])
async def test_an_address_is_ours_by_its_host_header(here: World, address: str) -> None:
    """Without TLS, there is nothing else to know it by."""
    status, out = await curl(here, "-H", "host: api.openai.com", *ASKING, f"http://{address}{CHAT}")
    assert (status, '"object":"chat.completion"' in out) == (0, True), out


@pytest.mark.parametrize("name", ["us.api.openai.com", "api.openai.com."])
async def test_every_name_of_openais_is_ours(here: World, name: str) -> None:
    status, out = await curl(here, "--resolve", f"{name}:443:{FOUR}", *ASKING, f"https://{name}{CHAT}")
    assert (status, '"object":"chat.completion"' in out) == (0, True), out


@pytest.mark.parametrize("name", ["example.com", "mtls.api.openai.com"])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_other_hosts_are_passed_through_unread(here: World, name: str, version: str) -> None:
    """The app sees their own certificate, and trusts no other."""
    here.example.received.clear()
    status, out = await curl(here, version, *ASKING, f"https://{name}{CHAT}", ca=here.example_ca)
    assert (status, out) == (0, "original")
    assert KEY.encode() in here.example.text


async def test_other_hosts_would_not_be_trusted_by_the_proxys_certificate(here: World) -> None:
    status, _ = await curl(here, "https://example.com/")
    assert status == 60  # CURLE_PEER_FAILED_VERIFICATION


async def test_plain_http_to_other_hosts_is_not_touched(here: World) -> None:
    assert await curl(here, *ASKING, f"http://example.com{CHAT}") == (0, "original")
    assert await curl(here, *ASKING, f"http://{EXAMPLE}{CHAT}") == (0, "original")


async def test_what_stays_on_the_machine_is_not_redirected(here: World) -> None:
    """Not even with OpenAI's Host header: there may be a local stand-in on port 80."""
    async with original_at(here.home.listen("127.0.0.1", 80)) as local:
        assert await curl(here, "-H", "host: api.openai.com", "http://127.0.0.1/") == (0, "original")
        assert len(local.received) == 1


@pytest.mark.parametrize("address", OPENAI.values())
async def test_http3_is_refused_at_once(here: World, address: str) -> None:
    """So that an app goes on without it, instead of past the proxy."""
    send = f"""
import socket
with socket.socket(socket.{"AF_INET6" if ":" in address else "AF_INET"}, socket.SOCK_DGRAM) as app:
    app.settimeout(5)
    app.connect(("{address}", 443))
    app.send(b"x")
    app.recv(1)
"""
    with here.away.listen(address, 443, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        _, out = await here.home.run(sys.executable, "-c", send)
        assert "Operation not permitted" in out
        with pytest.raises(BlockingIOError):
            udp.recv(1)
