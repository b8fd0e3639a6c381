"""The addon: its options, its life, and what it does when they change."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from mitmproxy import exceptions, hooks
from mitmproxy.options import Options
from mitmproxy.test import tflow

from qwenproxy import settings
from qwenproxy.addon import OURS, QwenProxy
from qwenproxy.commands.master import LeanMaster
from qwenproxy.flows import door
from qwenproxy.flows.hosts import Hosts
from qwenproxy.flows.visits import Visit
from qwenproxy.service import Service

ADDRESS = "http://127.0.0.1:1/compatible-mode/v1"


class Loader:
    """Loads the addon into a mitmproxy that does not listen yet."""

    def __init__(self, confdir: Path) -> None:
        self._confdir = confdir
        self._masters: list[LeanMaster] = []

    def load(self, *sets: str, **environ: str) -> tuple[Options, QwenProxy]:
        """With *environ* for its environment and *sets* set by the user.  Raises OptionsError."""
        master = LeanMaster(Options(confdir=str(self._confdir)))
        self._masters.append(master)
        master.options.set("mode=regular@127.0.0.1:8081", *sets, defer=True)
        addon = QwenProxy({"HOME": str(self._confdir), "QWENPROXY_UPSTREAM": ADDRESS} | environ)
        master.addons.add(addon)
        addon.configure(set(master.options.keys()))
        return master.options, addon

    async def end(self) -> None:
        for master in self._masters:
            master.addons.trigger(hooks.DoneHook())
            master._legacy_log_events.uninstall()
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "retire a service"))


@pytest.fixture
async def loader(tmp_path: Path) -> AsyncIterator[Loader]:
    before = replace(door.door)
    made = Loader(tmp_path)
    yield made
    await made.end()
    door.door.hosts, door.door.body_limit = before.hosts, before.body_limit


def service_of(addon: QwenProxy) -> Service:
    assert addon.service is not None
    return addon.service


async def test_every_setting_that_is_no_secret_is_an_option(loader: Loader) -> None:
    options, _ = loader.load()
    found = {name.removeprefix("qwen_") for name in list(options.keys()) if name.startswith("qwen_")}
    assert found == {name for name, row in settings.ROWS.items() if not row.secret}
    assert "api_key" not in found


async def test_what_everything_rests_on_is_set(loader: Loader) -> None:
    options, _ = loader.load()
    assert {name: getattr(options, name) for name in OURS} == OURS
    assert list(options.allow_hosts) == Hosts(("api.openai.com", "*.api.openai.com")).allow_hosts()


async def test_what_the_user_has_set_stays(loader: Loader) -> None:
    options, _ = loader.load("tcp_timeout=10")
    assert options.tcp_timeout == 10


async def test_an_option_comes_before_the_environment(loader: Loader) -> None:
    _, addon = loader.load("qwen_heartbeat=3", QWENPROXY_HEARTBEAT="4", QWENPROXY_REASONING="hide")
    assert (addon.settings.heartbeat, addon.settings.reasoning) == (3.0, "hide")


WRONG: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a setting": (("qwen_heartbeat=soon",), {}, "option qwen_heartbeat: expected"),
    "a variable": ((), {"QWENPROXY_HEARTBEAT": "soon"}, "QWENPROXY_HEARTBEAT: expected"),
    "a hole": (("ignore_hosts=x",), {}, "ignore_hosts would let requests past the proxy"),
    "another target": (("mode=reverse:https://example.com",), {}, "would pass requests on to example.com"),
    "beyond loopback": (("mode=regular@0.0.0.0:2",), {}, "listening on 0.0.0.0"),
}


@pytest.mark.parametrize(("sets", "environ", "complaint"), WRONG.values(), ids=WRONG.keys())
async def test_it_does_not_start_with_what_is_wrong(
    loader: Loader, sets: tuple[str, ...], environ: dict[str, str], complaint: str
) -> None:
    with pytest.raises(exceptions.OptionsError, match=complaint):
        loader.load(*sets, **environ)


LATER = {name: (sets, complaint) for name, (sets, environ, complaint) in WRONG.items() if not environ}
"""The environment is read as it was at the start."""


@pytest.mark.parametrize(("sets", "complaint"), LATER.values(), ids=LATER.keys())
async def test_and_it_goes_on_as_it_was_when_that_is_tried_later(
    loader: Loader, sets: tuple[str, ...], complaint: str
) -> None:
    options, addon = loader.load()
    before, service = addon.settings, service_of(addon)
    name = sets[0].partition("=")[0]
    value = getattr(options, name)
    with pytest.raises(exceptions.OptionsError, match=complaint):
        options.set(*sets)
    assert getattr(options, name) == value
    assert addon.settings == before
    assert service_of(addon) is service


async def test_a_changed_option_holds_from_now_on(loader: Loader) -> None:
    options, addon = loader.load()
    service = service_of(addon)
    options.set("qwen_reasoning=hide", "qwen_body_limit=1m", "qwen_hosts=openai.example")
    assert addon.settings.reasoning == "hide"
    assert service_of(addon) is not service
    assert door.door.body_limit == 1024 * 1024
    assert door.door.hosts.matches("openai.example")
    assert list(options.allow_hosts) == Hosts(("openai.example",)).allow_hosts()


async def test_an_option_of_somebody_elses_changes_nothing(loader: Loader) -> None:
    options, addon = loader.load()
    service = service_of(addon)
    options.set("http2=false")
    assert service_of(addon) is service


async def test_what_was_learned_outlives_new_settings_but_no_new_upstream(loader: Loader) -> None:
    options, addon = loader.load()
    (line,) = service_of(addon).lines
    row = replace(line.row("qwen3.7-plus"), max_output=64)
    line.learn("qwen3.7-plus", row)
    options.set("qwen_reasoning=hide")
    assert service_of(addon).lines[0].row("qwen3.7-plus") == row
    options.set(f"qwen_upstream={ADDRESS.replace(':1/', ':2/')}")
    assert service_of(addon).lines[0].row("qwen3.7-plus") != row


async def test_json_lines_are_switched_on_and_off(loader: Loader) -> None:
    options, addon = loader.load()
    package = logging.getLogger("qwenproxy")
    handlers = list(package.handlers)
    options.set("qwen_log_format=json")
    assert (len(package.handlers), package.propagate) == (len(handlers) + 1, False)
    options.set("qwen_log_format=text")
    assert (package.handlers, package.propagate) == (handlers, True)
    options.set("qwen_log_format=json")
    addon.done()
    assert (package.handlers, package.propagate) == (handlers, True)


async def test_what_is_amiss_is_said_once_it_runs(loader: Loader, caplog: pytest.LogCaptureFixture) -> None:
    _, addon = loader.load(QWENPROXY_UPSTREAM="https://dashscope.aliyuncs.com/compatible-mode/v1")
    addon.running()
    (line,) = [record for record in caplog.records if record.name == "qwenproxy.addon"]
    assert "set QWENPROXY_API_KEY" in line.getMessage()


async def test_without_settings_nothing_is_answered_and_nothing_goes_out(loader: Loader) -> None:
    """The door itself then says that the proxy is not ready."""
    _, addon = loader.load()
    addon.done()
    visit = Visit(tflow.tflow(), {})
    await addon.qwen_open(visit)
    assert visit.flow.response is None
    assert visit.delivery is None
