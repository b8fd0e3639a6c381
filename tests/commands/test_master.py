"""mitmproxy, lean: it knows what is asked of it all the same."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from mitmproxy import exceptions, hooks
from mitmproxy.flow import Flow
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.test import tflow

from qwenproxy.commands.master import FOR_OPTIONS, NEEDED, CachedAddonManager, LeanMaster


@dataclass
class NewsHook(hooks.Hook):
    """`news`: an event that no addon of mitmproxy's wants."""

    what: object


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


VALUES = {"proxyauth": "me:secret", "save_stream_filter": "~all"}


@pytest.mark.parametrize(("option", "name"), FOR_OPTIONS.items())
async def test_an_option_of_one_addon_brings_that_one_alone(
    master: LeanMaster, tmp_path: Path, option: str, name: str
) -> None:
    assert master.addons.get(name) is None
    master.options.set(f"{option}={VALUES.get(option, tmp_path / 'file')}", defer=True)
    master.complete()
    assert master.addons.get(name) is not None
    assert master.addons.get("mapremote") is None
    master.addons.invoke_addon_sync(master.addons.get(name), hooks.DoneHook())  # it has opened a file


async def test_a_script_may_set_what_needs_one_addon_only(master: LeanMaster, tmp_path: Path) -> None:
    (tmp_path / "script.py").touch()
    master.options.update(scripts=[str(tmp_path / "script.py")])
    master.complete()
    assert all(master.addons.get(name) is not None for name in FOR_OPTIONS.values())
    assert master.addons.get("mapremote") is None
    master.options.update(scripts=[])


async def test_whom_nobody_hears_is_known_once_it_was_asked(master: LeanMaster) -> None:
    addons, heard = master.addons, list[str]()
    assert isinstance(addons, CachedAddonManager)
    assert addons.hears("news"), "who can tell"
    await tell(master, "one")
    assert not addons.hears("news")
    master.addons.add(Reader("anne", heard))
    assert addons.hears("news")
    await tell(master, "two")
    assert (addons.hears("news"), heard) == (True, ["anne: two"])


async def test_a_flow_that_changes_is_told_of_though_nobody_wants_what_changed_it(master: LeanMaster) -> None:
    told: list[str] = []

    class Watching:
        def update(self, flows: Sequence[Flow]) -> None:
            told.extend(flow.id for flow in flows)

    master.addons.add(Watching())
    flow = tflow.tflow()
    for _ in range(2):
        await master.addons.handle_lifecycle(NewsHook(flow))
    assert told == [flow.id, flow.id]


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
