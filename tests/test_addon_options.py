"""What the addon refuses of mitmproxy's options, and when: before anyone else takes it up."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mitmproxy import ctx, exceptions
from mitmproxy.addons import next_layer, proxyserver
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import DataReceived
from mitmproxy.proxy.layer import Layer, NextLayer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.modes import TransparentProxy
from mitmproxy.test import taddons

from qwenproxy import settings
from qwenproxy.addon import QwenProxy
from qwenproxy.flows.door import door
from qwenproxy.flows.hosts import Hosts

MODE = "reverse:https://api.openai.com@127.0.0.1:0"
OLD = Hosts(["api.openai.com", "*.api.openai.com"]).allow_hosts()


class Witness:
    """An addon before ours: the values of an option that it was ever told of."""

    def __init__(self, option: str) -> None:
        self.option = option
        self.told: list[Any] = []

    def configure(self, updated: set[str]) -> None:
        self.told.append(getattr(ctx.options, self.option))


@asynccontextmanager
async def loaded(
    environ: Mapping[str, str] | None = None, *, witness: Witness | None = None, **options: Any
) -> AsyncIterator[tuple[QwenProxy, taddons.context]]:
    """The addon in a mitmproxy with *options*, loaded but not configured."""
    with taddons.context(proxyserver.Proxyserver(), next_layer.NextLayer(), loadcore=False) as context:
        context.options.update(**{"mode": [MODE], **options})
        if witness is not None:
            context.master.addons.add(witness)
        proxy = QwenProxy(environ or {})
        context.master.addons.add(proxy)
        try:
            yield proxy, context
        finally:
            proxy.done()
            door.hosts = Hosts(settings.Settings().hosts)


@asynccontextmanager
async def ready(*args: Any, **kwargs: Any) -> AsyncIterator[tuple[QwenProxy, taddons.context]]:
    async with loaded(*args, **kwargs) as (proxy, context):
        proxy.configure(set(context.options.keys()))
        yield proxy, context


@pytest.mark.parametrize(
    ("option", "value"),
    [("ignore_hosts", ["x"]), ("rawtcp", True), ("mode", ["reverse:https://example.com@127.0.0.1:0"])],
)
async def test_what_opens_a_way_is_refused_before_anyone_takes_it_up(option: str, value: Any) -> None:
    """mitmproxy's server, for one, listens on a new mode as soon as it is told of it."""
    witness = Witness(option)
    async with ready(witness=witness) as (_, context):
        before = getattr(context.options, option)
        witness.told.clear()
        with pytest.raises(exceptions.OptionsError, match=r"remove it|use reverse:"):
            context.options.update(**{option: value})
        assert getattr(context.options, option) == before
        assert value not in witness.told


async def test_what_opens_a_way_from_the_start_is_refused_too() -> None:
    async with loaded(ignore_hosts=["x"]) as (proxy, context):
        with pytest.raises(exceptions.OptionsError, match="remove it"):
            proxy.configure(set(context.options.keys()))


async def test_wrong_settings_are_told_when_it_is_configured() -> None:
    """Of a script whose `load` fails so, mitmproxy says nothing, and goes on without it."""
    async with loaded({"QWENPROXY_HEARTBEAT": "soon"}) as (proxy, context):
        with pytest.raises(exceptions.OptionsError, match="QWENPROXY_HEARTBEAT: expected"):
            proxy.configure(set(context.options.keys()))


async def test_tools_that_are_not_there_are_refused_and_nothing_has_changed() -> None:
    async with loaded({"QWENPROXY_TOOLS": "calculator"}) as (proxy, context):
        with pytest.raises(exceptions.OptionsError, match="no tool calculator; the nearest is calculate"):
            proxy.configure(set(context.options.keys()))
    async with ready({"QWENPROXY_TOOLS": "calculate"}) as (proxy, context):
        with pytest.raises(exceptions.OptionsError, match="no tool calculator"):
            context.options.update(qwen_tools=["calculator"])
        assert (proxy.settings.tools, context.options.qwen_tools) == (("calculate",), ["calculate"])


@pytest.mark.parametrize("server", [True, False])
async def test_beyond_loopback_only_a_listener_that_is_there_is_refused(server: bool) -> None:
    async with loaded(mode=["regular"], server=server) as (proxy, context):
        if server:
            with pytest.raises(exceptions.OptionsError, match="allow_remote"):
                proxy.configure(set(context.options.keys()))
        else:
            proxy.configure(set(context.options.keys()))


async def test_a_new_one_takes_up_the_hosts_that_the_old_one_has_set() -> None:
    """As after a reload: the option is set, the settings are read anew."""
    async with loaded(allow_hosts=Hosts(["api.openai.com"]).allow_hosts()) as (proxy, context):
        context.options.update(qwen_hosts=["api.openai.com"])
        proxy.configure(set(context.options.keys()))


async def test_the_rule_of_interception_is_put_back() -> None:
    """With none, mitmproxy would decrypt everything."""
    async with ready() as (_, context):
        context.options.update(allow_hosts=[])
        assert context.options.allow_hosts == OLD


def asked(data: bytes, chosen: type[Layer]) -> NextLayer:
    """mitmproxy has *chosen* a layer for a connection that begins with *data*."""
    context = Context(Client(peername=("", 1), sockname=("", 2), timestamp_start=0), ctx.options)
    context.server = Server(address=("192.0.2.1", 443))
    TransparentProxy(context)
    question = NextLayer(context)
    question.events.append(DataReceived(context.client, data))
    question.layer = chosen(context)
    return question


@pytest.mark.parametrize(
    ("data", "chosen", "kept"),
    [(b"\x16", TCPLayer, False), (b"POST", TCPLayer, False), (b"SSH-2.0", TCPLayer, True), (b"P", NextLayer, True)],
)
async def test_a_connection_is_not_relayed_unread_before_it_is_clear_whose_it_is(
    data: bytes, chosen: type[Layer], kept: bool
) -> None:
    async with ready() as (proxy, _):
        question = asked(data, chosen)
        layers = len(question.context.layers)
        proxy.next_layer(question)
        assert (question.layer is not None) is kept
        assert len(question.context.layers) == layers - (not kept)
