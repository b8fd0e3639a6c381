"""What was used, in each place where that is kept."""

import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from qwenproxy.settings.values import Secret
from qwenproxy.state.base import Usage, Use
from qwenproxy.state.redis_usage import RedisUsage
from qwenproxy.state.usage import UsageFile, day_of
from tests.support.services import needs, redis_server

NOON = 1_790_000_000.0
DAY = 86_400.0
TODAY = day_of(NOON)

type Opened = Callable[[], Usage]


@pytest.fixture(params=["file", pytest.param("redis", marks=needs("redis-server"))])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """The same usage as another process has it, each time."""
    if request.param == "file":
        yield lambda: file(tmp_path)
        return
    async with redis_server(tmp_path, password="pw") as server:
        yield lambda: RedisUsage(server.url, Secret("pw"), 10 * DAY, lambda: NOON)


def file(path: Path, days: float = 10) -> UsageFile:
    return UsageFile(path / "deep" / "usage.db", days * DAY, lambda: NOON)


def use(day: str = TODAY, key: str = "1a2b3c4d", model: str = "qwen3.7-plus", *figures: int) -> Use:
    return Use(day, key, model, *(figures or (1, 0, 10, 20)))


def test_figures_of_one_day_key_and_model_are_added_up(opened: Opened) -> None:
    opened().add([use(), use(model="other")])
    opened().add([use(TODAY, "1a2b3c4d", "qwen3.7-plus", 2, 1, 5, 0), use(key="-")])
    assert opened().read("") == [
        use(key="-"),
        use(model="other"),
        use(TODAY, "1a2b3c4d", "qwen3.7-plus", 3, 1, 15, 20),
    ]


def test_what_is_too_old_is_forgotten_and_what_is_asked_for_is_told(opened: Opened) -> None:
    days = [day_of(NOON - ago * DAY) for ago in (12, 9, 3, 0)]
    opened().add([use(day) for day in days])
    assert [each.day for each in opened().read("")] == days[1:]
    assert [each.day for each in opened().read(days[2])] == days[2:]


def test_several_may_write_at_once(opened: Opened) -> None:
    def write() -> None:
        for _ in range(10):
            opened().add([use()])

    threads = [threading.Thread(target=write, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (found,) = opened().read("")
    assert found.requests == 40


def test_it_is_for_its_owner_alone_and_made_when_it_is_written(tmp_path: Path) -> None:
    assert file(tmp_path).read("") == []
    assert not list(tmp_path.iterdir())
    file(tmp_path).add([use()])
    assert stat.S_IMODE((tmp_path / "deep" / "usage.db").stat().st_mode) == 0o600


def test_what_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "usage.db"
    path.write_text("this is no database")
    with pytest.raises(OSError, match=f"{path}: file is not a database"):
        file(tmp_path).add([use()])
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OSError, match="another version"):
        file(tmp_path).read("")
