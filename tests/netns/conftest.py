"""A machine with a network of its own, and the world that it sees."""

import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.foreign import foreign_certificate
from tests.support.namespaces import (
    EXAMPLE,
    OPENAI,
    Namespace,
    missing,
    original_at,
    settings_of,
    two_hosts,
    upstream_at,
)
from tests.support.original import Original
from tests.support.processes import ROOT, Process, authority, clean, running
from tests.support.stage import ANSWER
from tests.support.upstream import Upstream, whole


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if reason and item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass
class World:
    """*openai* is never to be reached; *example* may be, and has a certificate of its own, which is in *example_ca*.

    *folder*: where everybody can read; *ca*: whom apps are to trust, with *example_ca*, in *both*.
    """

    home: Namespace
    away: Namespace
    openai: Original
    example: Original
    upstream: Upstream
    folder: Path
    ca: Path
    example_ca: Path
    both: Path

    def environ(self, **settings: str) -> dict[str, str]:
        """What the proxy is told, and nothing of the user's."""
        paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'addons'}"}
        return clean(self.folder, **settings_of(self.upstream), **settings) | paths

    @asynccontextmanager
    async def running(self, *words: str, ready: str, times: int = 1, **settings: str) -> AsyncIterator[Process]:
        """A command at home, once it has printed *ready*."""
        async with running(self.home.enter(*words), self.environ(**settings), ready=ready, times=times) as found:
            yield found

    @property
    def confdir(self) -> tuple[str, str]:
        """mitmproxy's option for where its authority is."""
        return "--set", f"confdir={self.folder / 'mitmproxy'}"


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that other users can read, with the files of both authorities."""
    folder = Path(tempfile.mkdtemp(prefix="qwenproxy-netns-"))
    folder.chmod(0o755)
    authority(folder / "mitmproxy")
    foreign_certificate(folder)
    yield folder
    shutil.rmtree(folder)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A new one."""
    ca, example_ca, both = folder / "mitmproxy" / "mitmproxy-ca-cert.pem", folder / "certificate.pem", folder / "both"
    both.write_bytes(ca.read_bytes() + example_ca.read_bytes())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(example_ca, folder / "key.pem")
    with two_hosts(folder) as (home, away):
        async with AsyncExitStack() as stack:
            openai = [away.listen(address, port) for address in OPENAI.values() for port in (80, 443)]
            example = await stack.enter_async_context(original_at(away.listen(EXAMPLE, 443), tls=tls))
            await stack.enter_async_context(original_at(away.listen(EXAMPLE, 80)))
            qwen = await stack.enter_async_context(upstream_at(home.listen("127.0.0.1", 0), whole(ANSWER)))
            host = await stack.enter_async_context(original_at(*openai))
            yield World(home, away, host, example, qwen, folder, ca, example_ca, both)
