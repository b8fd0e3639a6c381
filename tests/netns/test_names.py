"""OpenAI's name leads to the proxy: by the hosts file, or by mitmproxy as a DNS server for other devices."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.clients import toolchains
from tests.clients.toolchains import needed
from tests.netns.conftest import World, world
from tests.support.clients import CHAT, HELLO
from tests.support.namespaces import HOME, Namespace
from tests.support.processes import MITMDUMP, OURS, QWENPROXY
from tests.support.stage import KEY

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

ADDRESS = next(iter(HOME.values()))
FETCH = """
const headers = {"content-type": "application/json", authorization: process.argv[1]};
const body = '{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}';
const answer = await fetch("https://api.openai.com/v1/chat/completions", {method: "POST", headers, body});
console.log(await answer.text());
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(open_folder: Path) -> AsyncIterator[World]:
    async with world(open_folder) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def openai_is_not_reached(here: World) -> AsyncIterator[None]:
    yield
    assert here.openai.received == []
    assert await here.home.is_as_it_was()


async def ask(here: World, host: Namespace, key: str = KEY) -> str:
    """What curl gets from https://api.openai.com, by the name alone."""
    asking = ("-H", f"authorization: {key}", "-H", "content-type: application/json", "-d", orjson.dumps(HELLO).decode())
    words = ("curl", "-sS", "--noproxy", "*", "-m", "20", "--cacert", str(here.ca), *asking)
    return (await host.run(*words, f"https://api.openai.com{CHAT}"))[1]


@pytest.mark.parametrize(
    ("command", "ready"),
    [
        ((*MITMDUMP, *OURS, "--mode", "reverse:https://api.openai.com@127.0.0.1:443"), "listening at"),
        ((*QWENPROXY, "run", "--port", "443", "--no-proxy-port"), "listening reverse="),
    ],
    ids=["mitmdump", "qwenproxy run"],
)
async def test_the_hosts_file_leads_to_a_listener_on_port_443(
    here: World, command: tuple[str, ...], ready: str
) -> None:
    (here.folder / "hosts").write_text("127.0.0.1 localhost api.openai.com\n")
    node = needed(lambda: toolchains.program("node"))
    async with here.running(*command, *here.confdir, ready=ready):
        assert '"object":"chat.completion"' in await ask(here, here.home)
        words = (node, "--input-type=module", "-e", FETCH, "--", KEY)
        status, out = await here.home.run(*words, environ={"NODE_EXTRA_CA_CERTS": str(here.ca)})
        assert (status, '"object":"chat.completion"' in out) == (0, True), out


async def test_a_device_whose_dns_server_is_the_proxys_machine(here: World, tmp_path: Path) -> None:
    """It is told nothing else; the machine's own hosts file says where OpenAI is."""
    (here.folder / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} api.openai.com\n")
    (tmp_path / "resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    here.away.call("mount", "--bind", str(tmp_path / "resolv.conf"), "/etc/resolv.conf")
    modes = ("--mode", f"reverse:https://api.openai.com@{ADDRESS}:443", "--mode", f"dns@{ADDRESS}:53")
    open_to_all = {"allow_remote": "true", "client_keys": "key-of-the-device"}
    command = (*MITMDUMP, *OURS, *modes, *here.confdir)
    async with here.running(*command, ready="listening at", times=2, **open_to_all):
        assert '"object":"chat.completion"' in await ask(here, here.away, "Bearer key-of-the-device")
        assert orjson.loads(await ask(here, here.away))["error"]["code"] == "invalid_api_key"
