"""The addon: options, life cycle, and the one hook that answers."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mitmproxy import connection, ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.options import Options
from mitmproxy.proxy import layer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.utils import asyncio_utils

from qwenproxy import garbage, logs, service, settings
from qwenproxy.flows import bounded, draining, guard, live, saved, startup
from qwenproxy.flows.bounds import Shut, bounds
from qwenproxy.flows.connections import Connections, handler_of
from qwenproxy.flows.door import door
from qwenproxy.flows.hosts import Hosts
from qwenproxy.flows.options import defaults, defaults_by, is_looked_at, is_set, set_defaults
from qwenproxy.flows.requests import Desk
from qwenproxy.flows.views import screen
from qwenproxy.flows.views.screen import Screen
from qwenproxy.flows.visits import Visit
from qwenproxy.keeping import Keeping, state_of
from qwenproxy.limits.places import Places
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.settings.sources import WORKER
from qwenproxy.telemetry.following import Telemetry
from qwenproxy.tools import registry
from qwenproxy.tools.toolbox import Toolbox
from qwenproxy.traffic import Traffic

log = logging.getLogger(__name__)

OURS = {"connection_strategy": "lazy", "keep_host_header": True, "rawtcp": False, "http3": False, "tcp_timeout": 3600}
"""Options of mitmproxy that the proxy sets, unless the user did."""
GUARDED = {"mode", "server", "listen_host", "allow_hosts", *guard.HOLES}
PREFIX = "qwen_"


class QwenProxy:
    """mitmproxy's side of qwenproxy.

    *environ* is the process's own by default; settings in it are overridden by mitmproxy options `qwen_*`.  *alone*: no
    other process shares the work.
    """

    name = "qwenproxy"

    def __init__(self, environ: Mapping[str, str] | None = None, *, alone: bool = True) -> None:
        live.install()
        saved.install()
        logs.leave_out_secrets()
        self._environ = os.environ if environ is None else environ
        self.worker = self._environ.get(WORKER, "")
        self._alone = alone
        self._desk: Desk | None = None
        self._toolbox: Toolbox | None = None
        self._keeping: Keeping | None = None
        self._running = False
        self._json: logging.Handler | None = None
        self._keep = 0
        self._screen: Screen | None = None
        self._hurry = asyncio.Event()
        self.places = Places()
        self.traffic = Traffic([self.places])
        """The exchanges under way, whatever the settings become."""
        self.telemetry = Telemetry(self.traffic, self._environ)
        """What follows them."""
        self.places.on_limit = self.telemetry.limited
        self._connections = Connections(self.places.hit)
        bounds.on_limit, bounds.on_http = self.places.hit, self._connections.speaks
        self.settings = Settings()

    @property
    def service(self) -> Service | None:
        """What exchanges go by at the moment; None until the options are known."""
        return None if self._desk is None else self._desk.service

    def load(self, loader: Loader) -> None:
        """Declare the options, and set those of mitmproxy that everything rests on."""
        door.parting = False
        saved.settle(ctx.master.addons.get("save"))
        with suppress(exceptions.OptionsError):  # from here, mitmproxy would go on without us: `configure` refuses
            self.settings = self._read({})
        for option in settings.options(self.settings):
            loader.add_option(*option)
        mitmproxy_options = {"allow_hosts": Hosts(self.settings.hosts).allow_hosts(), **OURS}
        ctx.options.update(**{name: value for name, value in mitmproxy_options.items() if not is_set(name)})
        ctx.options.subscribe(self._before_change, GUARDED)
        self._screen = screen.prepared(ctx.master, lambda: self.settings.view_memory)

    def configure(self, updated: set[str]) -> None:
        """Take up changed options; refuses what would open a way past the proxy."""
        self._configure(updated)
        self._keep = self.settings.view_limit if is_looked_at() else 0

    def _configure(self, updated: set[str]) -> None:
        door.authenticates = bool(getattr(ctx.options, "proxyauth", None))
        door.hears = getattr(ctx.master.addons, "hears", anybody)
        if self._desk is not None and not any(name in GUARDED or name.startswith(PREFIX) for name in updated):
            return
        self._adopt(self._found())

    def _adopt(self, found: Settings) -> None:
        """Let *found* hold from now on, if it is anything new.  Raises OptionsError for tools that cannot be."""
        if self._desk is None or found != self.settings:
            self._take_up(found)
        ours = Hosts(found.hosts).allow_hosts()
        if list(ctx.options.allow_hosts) != ours:
            ctx.options.update(allow_hosts=ours)

    def running(self) -> None:
        self._running = True
        garbage.spare()
        if self._desk is not None:
            self._desk.service.start()
            for complaint in service.complaints(self._desk.service):
                log.warning("%s", complaint)

    def done(self) -> Awaitable[None] | None:
        """Let go of the upstream and of the tools; answers under way go on.

        Is no coroutine function: when its script is loaded anew, mitmproxy refuses to wait for anything, and drops the
        new one.  When the process is to end, it waits for what this returns: the answers get their time.
        """
        if ctx.master.should_exit.is_set():
            return self._finish()
        spawn(self._close([spawn(each) for each in self._let_go()]))
        return None

    def hurry(self) -> None:
        """Do not wait for answers under way."""
        self._hurry.set()

    def reload(self) -> None:
        """Take up the settings as file and environment have them now.  Raises OptionsError: then the old ones hold."""
        before = defaults()
        set_defaults(defaults_by(self._read({})))
        try:
            self._adopt(self._found())
        except exceptions.OptionsError:
            set_defaults(before)
            raise

    async def _finish(self) -> None:
        server = ctx.master.addons.get("proxyserver")
        if self._alone:  # else it is for the launcher to say so: a service manager's signal goes to all of them
            draining.hurried_by_signals(self._hurry)
        if server is not None:
            await draining.drain(server, self.traffic, self.settings.drain_timeout, self._hurry)
        await self._close([spawn(each) for each in self._let_go()])

    async def _close(self, closing: Sequence[asyncio.Task[None]]) -> None:
        """Follow the traffic no more once all else is closed: what ends by that counts, too."""
        if closing:
            await asyncio.wait(closing, timeout=draining.GRACE)
        await self.telemetry.leave()

    def _let_go(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Part with all that is open, each by a coroutine."""
        desk, self._desk = self._desk, None
        if desk is not None:
            desk.closed = True
            yield desk.service.retire()
        toolbox, self._toolbox = self._toolbox, None
        if toolbox is not None:
            yield toolbox.close()
        yield from self._put_away()
        self._log_as_json(False)

    async def qwen_open(self, visit: Visit) -> None:
        """Answer a request of ours."""
        desk = self._desk
        if desk is None:
            return  # not configured: the door answers that the proxy is not ready
        handler = handler_of(visit.flow.client_conn)
        stall = self.settings.stall_timeout
        await visit.open(desk.answer(visit), handler, limit=desk.patience, keep=self._keep, stall=stall)

    def client_connected(self, client: connection.Client) -> None:
        """Turn a connection away if there are too many."""
        self._connections.admit(client, self.settings)

    def client_disconnected(self, client: connection.Client) -> None:
        self._connections.dismiss(client)

    def response(self, flow: http.HTTPFlow) -> None:
        """Have what is kept for viewing stay within its bound."""
        if self._screen is not None:
            self._screen.put(flow)

    error = websocket_end = response

    def next_layer(self, data: layer.NextLayer) -> None:
        """Have no connection relayed unread as long as it may still turn out to be ours, and none wait for ever."""
        if isinstance(data.layer, TCPLayer) and not data.data_server() and guard.undecided(data.data_client()):
            data.context.layers.remove(data.layer)
            data.layer = None
        if data.layer is None and len(data.data_client()) > guard.LONGEST_LINE:
            data.layer = Shut(data.context)

    def _before_change(self, _options: Options, _updated: set[str]) -> None:
        """Refuse before anyone takes it up what `configure` would refuse: mitmproxy listens on a new mode at once."""
        if self._desk is not None:
            self._found()

    def _found(self) -> Settings:
        """The settings by the options as they are now.  Raises OptionsError if the options or they are wrong."""
        if self._desk is None:
            self._read({})  # what `load` could not read: options that stand by default would hide it
        found = self._read({o.name.removeprefix(PREFIX): getattr(ctx.options, o.name) for o in settings.options()})
        with refused():
            startup.check(ctx.options, found, self.settings, alone=self._alone)
        return found

    def _read(self, options: Mapping[str, object]) -> Settings:
        with refused():
            return settings.load(self._environ, Path.cwd(), options)

    def _take_up(self, found: Settings) -> None:
        """Let *found* hold from now on.  Raises OptionsError for tools that cannot be."""
        toolbox = self._tools(found)
        with refused():
            over = self.telemetry.take_up(found)
        for watcher in over:
            work = asyncio.to_thread(watcher.close)
            asyncio_utils.create_task(work, name="close what follows the traffic", keep_ref=True)
        before, was, self.settings = self._desk, self.settings, found
        if before is None or state_of(found) != state_of(was):
            for closing in self._put_away():
                spawn(closing)
            self._keeping = Keeping(found, self._environ)
        if before is not None:
            spawn(before.service.retire())
        keeping = self._keeping
        assert keeping is not None
        made = service.service(found, self._environ, keeping.shared)
        self.telemetry.follow(made)
        self._desk = Desk(
            found, made, toolbox, keeping.archive, self.traffic, keeping.seals, self.telemetry.meter, self.places
        )
        if before is not None:
            self._desk.inherit(before)
        if self._running:
            self._desk.service.start()
        bounded.take_up(found)
        self.places.configure(found)
        self._log_as_json(found.log_format == "json")

    def _tools(self, found: Settings) -> Toolbox:
        """The proxy's own tools by *found*; those that are running go on."""
        with refused():
            if self._toolbox is None:
                self._toolbox = Toolbox(found, self._environ)
            else:
                registry.registry(found, self._environ)
                spawn(self._toolbox.reload(found))
        return self._toolbox

    def _put_away(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Let go of what is stored, by a coroutine; responses in the background end."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            yield keeping.close()

    def _log_as_json(self, wanted: bool) -> None:
        if wanted and self._json is None:
            self._json = logs.use_json(worker=self.worker)
        elif not wanted and self._json is not None:
            logs.undo_json(self._json)
            self._json = None


@contextmanager
def refused() -> Iterator[None]:
    """What is wrong with a setting is wrong with an option: for mitmproxy an OptionsError."""
    try:
        yield
    except ValueError as e:
        raise exceptions.OptionsError(str(e)) from None


def anybody(_hook: str) -> bool:
    """mitmproxy's own list of addons does not tell who wants a hook."""
    return True


def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Have *work* done, whoever waits for it or not."""
    task = asyncio_utils.create_task(work, name="letting go, or reloading", keep_ref=True)
    assert task is not None
    return task
