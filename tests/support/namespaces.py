"""Two hosts on one machine: network namespaces that live as long as the process that keeps each, and then are gone."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from types import MappingProxyType

import pytest

from tests.support.original import Original
from tests.support.upstream import Reply, Upstream

HOME = {socket.AF_INET: "198.51.100.1", socket.AF_INET6: "2001:db8::1"}
"""Where apps and the proxy are.  All addresses are of the ranges for documentation (RFC 5737, RFC 3849)."""
OPENAI = {socket.AF_INET: "198.51.100.10", socket.AF_INET6: "2001:db8::10"}
EXAMPLE = "198.51.100.20"
PATIENCE = 60.0  # s for a program to end

NAMES = f"127.0.0.1 localhost\n{OPENAI[socket.AF_INET]} api.openai.com\n{EXAMPLE} example.com mtls.api.openai.com\n"
"""Home's /etc/hosts."""

WIRED = ("ip", "unshare", "nsenter", "setpriv")
"""What makes machines with wires between them."""
NEEDED = (*WIRED, "nft", "iptables")


def missing(needed: Sequence[str] = NEEDED) -> str:
    """Why there can be no namespaces here, with the programs *needed* in them; "" if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if lacking := [name for name in needed if shutil.which(name) is None]:
        return f"there is no {' and no '.join(lacking)} on this machine (Debian: iproute2, nftables, iptables)"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


@dataclass
class Namespace:
    """A network, and a view of the file system, of its own; *keeper*: the process that keeps them."""

    keeper: int

    def enter(self, *words: str, user: int = 0, group: int = 0) -> tuple[str, ...]:
        """The command *words* as one that runs in it, as *user* and *group*."""
        inside = ("nsenter", f"--target={self.keeper}", "--net", "--mount", "--wd")
        return (*inside, "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *words)

    def call(self, *words: str) -> str:
        """What a command prints that runs in it.  Raises AssertionError if it fails."""
        done = subprocess.run(self.enter(*words), capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    async def run(
        self, *words: str, user: int = 0, group: int = 0, environ: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[int, str]:
        """How a command ends that runs in it, and all that it prints; *environ* is all it is told."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.enter(*words, user=user, group=group),
            env={"PATH": os.environ["PATH"], **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(errors="replace")

    def listen(self, address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A socket in it, which this process holds."""

        def make() -> socket.socket:
            with open(f"/proc/{self.keeper}/ns/net") as network:
                os.setns(network.fileno(), os.CLONE_NEWNET)
            found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((address, port))
            return found

        with ThreadPoolExecutor(1) as thread:  # the namespace is a thread's, and this one ends
            return thread.submit(make).result()

    @property
    def processes(self) -> list[str]:
        """What runs in it, but for its keeper."""
        network = os.stat(f"/proc/{self.keeper}/ns/net").st_ino
        return [command for pid, command in running() if pid != self.keeper and network_of(pid) == network]

    async def is_as_it_was(self) -> bool:
        """Whether nothing runs in it any more, nor leads its connections elsewhere; soon, since processes take time."""
        for _ in range(200):
            if not self.processes and not self.rules:
                return True
            await asyncio.sleep(0.1)
        return False

    @property
    def rules(self) -> str:
        """Where connections go, besides straight on."""
        listed = self.call("nft", "list", "ruleset")
        return "\n".join(line for line in listed.splitlines() if "qwenproxy" in line.lower())


def running() -> Iterator[tuple[int, str]]:
    """The machine's processes, and how each was started."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            yield int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def network_of(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return 0


def cgroups() -> Path | None:
    """Where cgroups of version 2 are mounted; None if they are not."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)


@contextmanager
def cgroup() -> Iterator[Path]:
    """A new cgroup, of version 2.  Skips the test where there can be none."""
    if (root := cgroups()) is None:
        pytest.skip("cgroup v2 is not mounted on this machine")
    path = root / f"qwenproxy-test-{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        path.rmdir()


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A new one; it ends with this process in any case, since its keeper reads from it."""
    words = ["unshare", "--net", "--mount", "sh", "-c", "echo ready; exec cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"ready\n"
        found = Namespace(keeper.pid)
        found.call("ip", "link", "set", "lo", "up")
        try:
            yield found
        finally:
            keeper.stdin.close()


@contextmanager
def two_hosts(folder: Path) -> Iterator[tuple[Namespace, Namespace]]:
    """Home, where apps are, and away, where OpenAI and example.com are, with a wire between them."""
    with ExitStack() as stack:
        home, away = (stack.enter_context(namespace()) for _ in range(2))
        home.call("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(away.keeper))
        for host, addresses in ((home, HOME.values()), (away, (*OPENAI.values(), EXAMPLE))):
            for address in addresses:
                length, more = ("64", ("nodad",)) if ":" in address else ("24", ())
                host.call("ip", "address", "add", f"{address}/{length}", "dev", "wire", *more)
            host.call("ip", "link", "set", "wire", "up")
        (folder / "hosts").write_text(NAMES)
        home.call("mount", "--bind", str(folder / "hosts"), "/etc/hosts")
        yield home, away


@asynccontextmanager
async def original_at(*sockets: socket.socket, tls: SSLContext | None = None) -> AsyncIterator[Original]:
    """A stand-in for a host, on *sockets*."""
    found = Original()
    servers = [await asyncio.start_server(found.serve, sock=each, ssl=tls) for each in sockets]
    try:
        yield found
    finally:
        for server in servers:
            server.close()
            server.close_clients()


@asynccontextmanager
async def upstream_at(place: socket.socket, *replies: Reply) -> AsyncIterator[Upstream]:
    """An upstream on *place*."""
    found = Upstream(list(replies), port=place.getsockname()[1])
    server = await asyncio.start_server(found.serve, sock=place)
    try:
        yield found
    finally:
        server.close()
        server.close_clients()


def settings_of(upstream: Upstream) -> Mapping[str, str]:
    """What the proxy is told."""
    return {"upstream": upstream.base_url, "api_key": "sk-qwen-HIDDEN"}
