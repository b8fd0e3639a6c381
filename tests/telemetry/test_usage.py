"""Who used how much: gathered, and written together."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.limits.rates import client_id
from qwenproxy.record import Record
from qwenproxy.state.base import Use
from qwenproxy.telemetry import usage
from qwenproxy.telemetry.usage import UsageLog, shown
from qwenproxy.traffic import Traffic
from qwenproxy.wire.openai import Usage
from tests.support.clock import Clock, until

KEY = client_id("sk-client", "127.0.0.1")


class Kept:
    """A store that remembers each time it was written to; *broken*: it cannot be."""

    def __init__(self) -> None:
        self.writes: list[list[Use]] = []
        self.tried: list[tuple[str, list[Use]]] = []
        self.broken = False

    def add(self, uses: Sequence[Use], batch: str = "") -> None:
        self.tried.append((batch, list(uses)))
        if self.broken:
            raise OSError("the disk is full")
        self.writes.append(list(uses))

    def read(self, since: str) -> list[Use]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "PAUSE", 0.02)


def asked(
    traffic: Traffic, client: str = KEY, *, tokens: int = 5, failed: bool = False, endpoint: str = "chat"
) -> None:
    """One exchange from its beginning to its end."""
    record = traffic.begin(Record("req_1", "POST", endpoint, lambda: 1.0))
    record.client, record.model = client, "gpt-4o"
    if failed:
        record.failed(ProxyError(errors.QUOTA, "no more"))
    else:
        record.asks("qwen3.7-plus", "compatible", "https://qwen.test/v1")
        record.first_event()
        record.heard([Usage({"prompt_tokens": tokens, "completion_tokens": 2 * tokens})])
    record.close()


async def test_what_comes_together_is_written_together_by_key_and_model() -> None:
    kept = Kept()
    traffic = Traffic([UsageLog(kept, Clock().now)])
    asked(traffic)
    asked(traffic, tokens=7)
    asked(traffic, failed=True)
    asked(traffic, "peer-127.0.0.1")
    assert await until(lambda: bool(kept.writes))
    (write,) = kept.writes
    key = shown(KEY)
    assert write == [
        Use("2026-09-21", key, "qwen3.7-plus", 2, 0, 12, 24),
        Use("2026-09-21", key, "-", 1, 1, 0, 0),
        Use("2026-09-21", "-", "qwen3.7-plus", 1, 0, 5, 10),
    ]
    asked(traffic)
    assert await until(lambda: len(kept.writes) == 2)


async def test_a_response_in_the_background_is_one_request() -> None:
    kept = Kept()
    log = UsageLog(kept, Clock().now)
    asked(Traffic([log]), endpoint="background")
    log.close()
    assert kept.writes == [[Use("2026-09-21", shown(KEY), "qwen3.7-plus", 0, 0, 5, 10)]]


async def test_what_asks_no_model_is_no_use() -> None:
    log = UsageLog(kept := Kept())
    Traffic([log]).begin(Record("req_1", "GET", "models", lambda: 1.0)).close()
    log.close()
    assert not kept.writes


async def test_what_cannot_be_written_waits_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    kept.broken = True
    traffic = Traffic([UsageLog(kept, Clock().now)])
    asked(traffic)
    assert await until(lambda: "the disk is full" in caplog.text)
    asked(traffic)
    await asyncio.sleep(0.1)
    kept.broken = False
    assert await until(lambda: len(kept.writes) == 2)
    assert [write[0].requests for write in kept.writes] == [1, 1]
    assert len([line for line in caplog.records if line.levelno == logging.WARNING]) == 1


async def test_what_may_have_been_written_is_tried_again_under_the_same_name() -> None:
    """The answer to a step may be lost, and the step made."""
    kept, names = Kept(), iter(["one", "two"])
    kept.broken = True
    log = UsageLog(kept, Clock().now, lambda: next(names))
    traffic = Traffic([log])
    asked(traffic)
    assert await until(lambda: len(kept.tried) > 1)
    asked(traffic)
    kept.broken = False
    log.close()
    first, *others = kept.tried
    assert first[0] == "one"
    assert others[:-1] == [first] * (len(others) - 1)
    assert others[-1][0] == "two"


def test_a_key_is_told_by_the_beginning_of_its_digest() -> None:
    assert "sk-client" not in KEY
    assert (shown(KEY), shown("peer-10.0.0.1")) == (KEY.removeprefix("key-")[:8], "-")
