"""The finding about the Redis that machines share."""

from pathlib import Path

import pytest

from qwenproxy.commands.checks.sharing import KEY, sharing
from qwenproxy.settings import load
from qwenproxy.shared import errand
from qwenproxy.shared.script import Script
from tests.support.processes import clean
from tests.support.services import free_port, needs, redis_server

SERVICES, REDIS = needs("redis-server")


@pytest.mark.parametrize("state", ["", "memory", "off", "/some/file"])
def test_there_is_none_if_nothing_is_shared(tmp_path: Path, state: str) -> None:
    assert not list(sharing(load(clean(tmp_path, state=state), tmp_path)))


def test_one_that_is_not_there_fails_and_the_place_is_named(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    (finding,) = sharing(load(clean(tmp_path, state=url.replace("//", "//:hidden@")), tmp_path))
    assert (finding.name, finding.level) == ("state", "fail")
    assert finding.what.startswith(f"{url} cannot be reached: ")
    assert "QWENPROXY_STATE" in finding.next
    assert "hidden" not in f"{finding}"


@SERVICES
@REDIS
async def test_one_that_takes_what_is_written_is_well_and_keeps_nothing(tmp_path: Path) -> None:
    async with redis_server(tmp_path, password="pw") as server:
        url = server.url.replace("//", "//:pw@")
        (finding,) = sharing(load(clean(tmp_path, state=url), tmp_path))
        assert finding.level == "ok"
        assert finding.what.startswith(f"{server.url}: written to within ")
        assert errand.run(server.url, "pw", Script("return redis.call('EXISTS', ARGV[1])"), (KEY,)) == 0


@SERVICES
@REDIS
async def test_one_that_takes_nothing_more_fails(tmp_path: Path) -> None:
    async with redis_server(tmp_path, told={"maxmemory": "1", "maxmemory-policy": "noeviction"}) as server:
        (finding,) = sharing(load(clean(tmp_path, state=server.url), tmp_path))
        assert (finding.level, "maxmemory" in finding.what) == ("fail", True)
