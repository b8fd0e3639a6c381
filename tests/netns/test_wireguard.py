"""A device that sends everything through WireGuard to the proxy."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.clients import toolchains
from tests.clients.toolchains import needed
from tests.netns.conftest import World, world
from tests.support.clients import CHAT, HELLO
from tests.support.namespaces import NAMES, OPENAI, Namespace, namespace
from tests.support.processes import MITMDUMP, OURS
from tests.support.stage import KEY

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

HERE, THERE = "192.0.2.1", "192.0.2.2"
PORT = 51820
FOUR = OPENAI[socket.AF_INET]
TUNNEL = """
set -e
export WG_PROCESS_FOREGROUND=1 LOG_LEVEL=error
mount -t tmpfs none /var/run
mkdir -p /var/run/wireguard
wireguard-go tunnel &
until wg show tunnel >/dev/null 2>&1; do sleep 0.1; done
wg setconf tunnel "$1"
ip address add 10.0.0.1/32 dev tunnel
ip link set tunnel up
ip route add default dev tunnel
echo ready
wait
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(open_folder: Path) -> AsyncIterator[World]:
    async with world(open_folder) as found:
        yield found


@contextmanager
def device(here: World, folder: Path) -> Iterator[Namespace]:
    """Another host, with a wire to the proxy's and no way to anywhere else."""
    with namespace() as found:
        here.home.call("ip", "link", "add", "aside", "type", "veth", "peer", "name", "wire", "netns", str(found.keeper))
        for host, name, address in ((here.home, "aside", HERE), (found, "wire", THERE)):
            host.call("ip", "address", "add", f"{address}/24", "dev", name)
            host.call("ip", "link", "set", name, "up")
        (folder / "hosts").write_text(NAMES)
        found.call("mount", "--bind", str(folder / "hosts"), "/etc/hosts")
        yield found


@contextmanager
def tunnel(device: Namespace, printed: str, folder: Path) -> Iterator[None]:
    """What mitmdump has *printed*, as the device's WireGuard would take it; its name server is for `wg-quick` only."""
    (found,) = re.findall(r"-{9,}\n(.*?)-{9,}", printed, re.DOTALL)
    lines = [line for line in found.splitlines() if not line.startswith(("Address", "DNS"))]
    (folder / "tunnel.conf").write_text("\n".join(lines))
    words = device.enter("sh", "-c", TUNNEL, "sh", str(folder / "tunnel.conf"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)


async def test_a_device_behind_wireguard(here: World, tmp_path: Path) -> None:
    """Its OpenAI is Qwen, by name and by address; other hosts it reaches as ever, and sees their own certificates."""
    needed(lambda: toolchains.program("wg"))
    needed(lambda: toolchains.program("wireguard-go"))
    command = (*MITMDUMP, *OURS, "--mode", f"wireguard@{HERE}:{PORT}", *here.confdir)
    with device(here, tmp_path) as found:
        async with here.running(*command, ready="WireGuard server listening") as proxy:
            with tunnel(found, proxy.output, tmp_path):
                assert '"object":"chat.completion"' in await curl(found, here.ca, f"https://api.openai.com{CHAT}")
                by_host = ("-H", "host: api.openai.com", f"http://{FOUR}{CHAT}")
                assert '"object":"chat.completion"' in await curl(found, here.ca, *by_host)
                assert await curl(found, here.example_ca, f"https://example.com{CHAT}") == "original"
        assert await found.is_as_it_was()
    assert KEY.encode() in here.example.text
    assert here.openai.received == []
    assert await here.home.is_as_it_was()


async def curl(device: Namespace, ca: Path, *words: str) -> str:
    asking = ("-H", f"authorization: {KEY}", "-H", "content-type: application/json", "-d", orjson.dumps(HELLO).decode())
    return (await device.run("curl", "-sS", "--noproxy", "*", "-m", "20", "--cacert", str(ca), *asking, *words))[1]
