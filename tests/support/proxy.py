"""The proxy in this process, on free ports of loopback."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mitmproxy import ctx
from mitmproxy.master import Master
from mitmproxy.options import Options

from qwenproxy.addon import QwenProxy
from qwenproxy.commands.master import LeanMaster
from qwenproxy.commands.run import free_port
from qwenproxy.flows import guard
from qwenproxy.flows.door import door

REVERSE = f"reverse:{guard.PLAIN_TARGET}@127.0.0.1:"
REGULAR = "regular@127.0.0.1:"


@dataclass
class Running:
    """A proxy that is up."""

    master: LeanMaster
    addon: QwenProxy
    ports: list[int]
    """One for each mode."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


@asynccontextmanager
async def proxy(
    environ: Mapping[str, str], confdir: Path, *, modes: tuple[str, ...] = (REVERSE,)
) -> AsyncIterator[Running]:
    """The proxy with the settings of *environ*, its CA and, if these do not say otherwise, its state in *confdir*.

    One within another: what mitmproxy and the door have once for a process is the outer one's again afterwards.
    """
    outer = {name: getattr(ctx, name) for name in ("master", "options") if hasattr(ctx, name)}
    master = LeanMaster(Options(confdir=str(confdir)))
    addon = QwenProxy({"XDG_STATE_HOME": str(confdir / "state"), **environ})
    master.options.update(mode=[f"{mode}{free_port('127.0.0.1')}" for mode in modes])
    master.addons.add(addon)
    addon.configure(set(master.options.keys()))
    task = asyncio.create_task(master.run())
    servers = master.addons.get("proxyserver").servers
    while not (len(servers) == len(modes) and all(server.is_running for server in servers)):
        assert not task.done(), "the proxy did not start"
        await asyncio.sleep(0.01)
    try:
        yield Running(master, addon, [server.listen_addrs[0][1] for server in servers])
    finally:
        await servers.update([])
        addon.hurry()
        Master.shutdown(master)
        await task
        vars(ctx).update(outer)
        door.parting = False
