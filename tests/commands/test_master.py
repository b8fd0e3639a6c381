"""mitmproxy, lean: it knows what is asked of it all the same."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mitmproxy import exceptions, hooks
from mitmproxy.master import Master
from mitmproxy.options import Options

from qwenproxy.commands.master import NEEDED, LeanMaster


@dataclass
class NewsHook(hooks.Hook):
    """`news`: an event that no addon of mitmproxy's wants."""

    what: str


class Reader:
    """An addon that notes what it is told."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name = name
        self._heard = heard

    async def news(self, what: str) -> None:
        self._heard.append(f"{self.name}: {what}")


class Halting(Reader):
    async def news(self, what: str) -> None:
        await super().news(what)
        raise exceptions.AddonHalt


class Failing(Reader):
    async def news(self, what: str) -> None:
        raise ValueError("a fault of the addon's")


@pytest.fixture
async def master(tmp_path: Path) -> AsyncIterator[LeanMaster]:
    made = LeanMaster(Options(confdir=str(tmp_path)))
    yield made
    made._legacy_log_events.uninstall()


async def tell(master: Master, what: str) -> None:
    await master.addons.trigger_event(NewsHook(what))


async def test_only_the_addons_that_serve_are_there(master: LeanMaster) -> None:
    assert {name for name in NEEDED if master.addons.get(name) is not None} == NEEDED
    assert [name for name in ("dumper", "anticache", "mapremote", "blocklist") if master.addons.get(name)] == []


async def test_the_others_come_with_an_option_of_theirs(master: LeanMaster) -> None:
    master.options.set("map_remote=|example.com|example.org", defer=True)
    assert "map_remote" in master.options.deferred
    master.complete()
    assert master.addons.get("mapremote") is not None
    assert "map_remote" not in master.options.deferred
    master.complete()  # once is enough


async def test_an_addon_that_comes_so_is_told_what_is_set(master: LeanMaster) -> None:
    master.options.set("upstream_auth=me:secret", defer=True)
    master.complete()
    assert master.addons.get("upstreamauth").auth == b"Basic bWU6c2VjcmV0"


async def test_a_setting_of_ours_brings_none(master: LeanMaster) -> None:
    master.options.set("qwen_heartbeat=1", defer=True)
    master.complete()
    assert master.addons.get("mapremote") is None


async def test_an_event_reaches_every_addon_that_wants_it_again_and_again(master: LeanMaster) -> None:
    heard: list[str] = []
    master.addons.add(Reader("anne", heard), Reader("bob", heard))
    await tell(master, "one")
    await tell(master, "two")
    assert heard == ["anne: one", "bob: one", "anne: two", "bob: two"]


async def test_who_comes_or_goes_is_noticed(master: LeanMaster) -> None:
    heard: list[str] = []
    anne, bob = Reader("anne", heard), Reader("bob", heard)
    master.addons.add(anne)
    await tell(master, "one")
    master.addons.add(bob)
    await tell(master, "two")
    master.addons.remove(anne)
    await tell(master, "three")
    assert heard == ["anne: one", "anne: two", "bob: two", "bob: three"]


async def test_an_addon_may_keep_an_event_from_the_next(master: LeanMaster) -> None:
    heard: list[str] = []
    master.addons.add(Halting("anne", heard), Reader("bob", heard))
    await tell(master, "one")
    assert heard == ["anne: one"]


async def test_a_fault_of_one_is_logged_and_the_next_hears_the_event(
    master: LeanMaster, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    master.addons.add(Failing("anne", heard), Reader("bob", heard))
    with caplog.at_level(logging.ERROR):
        await tell(master, "one")
    assert heard == ["bob: one"]
    assert "a fault of the addon's" in caplog.text
