"""Local mode: mitmproxy has the kernel lead one program's connections to it, by the program's name."""

import os
import shutil
from pathlib import Path

import orjson
import pytest

from tests.netns.conftest import World, world
from tests.support.clients import CHAT, HELLO
from tests.support.namespaces import cgroup
from tests.support.processes import MITMDUMP, OURS, running
from tests.support.stage import KEY

pytestmark = [pytest.mark.netns]

ASKING = ("-H", f"authorization: {KEY}", "-H", "content-type: application/json", "-d", orjson.dumps(HELLO).decode())
SUDO = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n'
"""mitmproxy starts its helper by sudo, even as root; this does for root what that does."""


async def test_one_program_is_redirected_by_its_name(open_folder: Path, tmp_path: Path) -> None:
    """The same program under another name is not; other hosts are passed through."""
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    app = str(shutil.copy(shutil.which("curl") or "", tmp_path / "some-app"))
    with cgroup() as found:
        async with world(open_folder) as here:
            here.home.call("mount", "--bind", str(found), "/sys/fs/cgroup")
            path = os.environ["PATH"] if shutil.which("sudo") else f"{tmp_path}:{os.environ['PATH']}"
            words = here.home.enter(*MITMDUMP, *OURS, "--mode", "local:some-app", *here.confdir)
            async with running(words, here.environ() | {"PATH": path}, ready="Local redirector started"):
                assert '"object":"chat.completion"' in await ask(here, app, here.ca, f"https://api.openai.com{CHAT}")
                assert await ask(here, app, here.example_ca, f"https://example.com{CHAT}") == "original"
                assert here.openai.received == []
                assert await ask(here, "curl", here.ca, f"http://api.openai.com{CHAT}") == "original"
                assert len(here.openai.received) == 1
            assert await here.home.is_as_it_was(), here.home.processes
            assert KEY.encode() in here.example.text
            assert not any("SECRET" in str(asked.headers) for asked in here.upstream.asked)


async def ask(here: World, program: str, ca: Path, url: str) -> str:
    """What curl, as *program*, in the cgroup that mitmproxy looks at, gets from *url*."""
    join = 'echo $$ > /sys/fs/cgroup/cgroup.procs; exec "$@"'
    words = ("-sS", "--noproxy", "*", "-m", "20", "--cacert", str(ca), *ASKING, url)
    return (await here.home.run("sh", "-c", join, "sh", program, *words))[1]
