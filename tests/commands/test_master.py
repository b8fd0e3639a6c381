"""mitmdump, lean: the same events reach the same addons."""

import logging
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, hooks
from mitmproxy.options import Options
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.test import tflow

from qwenproxy.commands.master import NEEDED, LeanMaster


class Counter:
    """An addon that counts requests, and does what it is told with each."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.requests = 0
        self._error = error

    def request(self, flow: Any) -> None:
        self.requests += 1
        if self._error is not None:
            raise self._error


class Waiter:
    """The same, by a coroutine."""

    name = "waiter"
    requests = 0

    async def request(self, flow: Any) -> None:
        self.requests += 1


class Parent:
    """An addon that consists of others."""

    name = "parent"

    def __init__(self, *addons: Any) -> None:
        self.addons = list(addons)


async def lean(tmp_path: Path) -> LeanMaster:
    return LeanMaster(Options(confdir=str(tmp_path)))


async def request(master: LeanMaster) -> None:
    await master.addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))


async def test_every_addon_that_wants_an_event_gets_it(tmp_path: Path) -> None:
    master = await lean(tmp_path)
    one, two, child = Counter("one"), Waiter(), Counter("child")
    master.addons.add(one, two, Parent(child))
    for _ in range(3):
        await request(master)
    assert [addon.requests for addon in (one, two, child)] == [3, 3, 3]


async def test_addons_that_come_and_go_are_noticed(tmp_path: Path) -> None:
    master = await lean(tmp_path)
    one, late = Counter("one"), Counter("late")
    master.addons.add(one)
    await request(master)
    master.addons.add(late)
    await request(master)
    master.addons.remove(one)
    await request(master)
    assert (one.requests, late.requests) == (2, 2)


async def test_an_addon_that_changes_when_configured_is_asked_again(tmp_path: Path) -> None:
    master = await lean(tmp_path)
    parent, child = Parent(), Counter("child")
    master.addons.add(parent)
    await request(master)
    parent.addons.append(child)
    master.addons.trigger(hooks.ConfigureHook({"scripts"}))
    await request(master)
    assert child.requests == 1


async def test_an_error_of_one_does_not_keep_the_event_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    master = await lean(tmp_path)
    bad, good = Counter("bad", ValueError("no")), Counter("good")
    master.addons.add(bad, good)
    with caplog.at_level(logging.ERROR):
        await request(master)
    assert good.requests == 1
    assert "Addon error: no" in caplog.text


async def test_an_addon_can_halt_an_event(tmp_path: Path) -> None:
    master = await lean(tmp_path)
    first, second = Counter("first", exceptions.AddonHalt()), Counter("second")
    master.addons.add(first, second)
    await request(master)
    assert second.requests == 0


async def test_what_an_api_proxy_never_uses_is_left_out(tmp_path: Path) -> None:
    master = await lean(tmp_path)
    assert set(master.addons.lookup) == NEEDED | {"errorcheck"}


@pytest.mark.parametrize(("option", "more"), [("modify_headers=/~q/a/b", True), ("qwen_upstream=x", False)])
async def test_it_comes_back_when_one_of_its_options_is_set(option: str, more: bool, tmp_path: Path) -> None:
    master = await lean(tmp_path)
    master.options.set(option, defer=True)
    master.complete()
    assert (master.addons.get("modifyheaders") is not None) is more
