"""The addon: options, life cycle, and the one hook that answers."""

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from mitmproxy import ctx, exceptions, flow, http
from mitmproxy.addonmanager import Loader
from mitmproxy.options import Options
from mitmproxy.optmanager import unset
from mitmproxy.proxy import layer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.utils import asyncio_utils

from qwenproxy import logs, service, settings
from qwenproxy.archive import Archive
from qwenproxy.flows import access, guard, live
from qwenproxy.flows.hosts import Hosts
from qwenproxy.flows.requests import Desk, limits
from qwenproxy.flows.views import contentviews, rows
from qwenproxy.flows.views.memory import Shelf
from qwenproxy.flows.visits import Visit
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.state import place
from qwenproxy.state.base import Store
from qwenproxy.state_settings import StateSettings
from qwenproxy.tools import registry
from qwenproxy.tools.toolbox import Toolbox
from qwenproxy.traffic import Traffic

log = logging.getLogger(__name__)

OURS = {"connection_strategy": "lazy", "keep_host_header": True, "rawtcp": False, "http3": False, "tcp_timeout": 3600}
"""Options of mitmproxy that the proxy sets, unless the user did."""
GUARDED = {"mode", "server", "listen_host", "allow_hosts", *guard.HOLES}
PREFIX = "qwen_"
COLUMNS = ["comment", "status"]
"""What mitmweb's flow list shows, unless the user has set it: beside a path, a comment would have no room."""
LOOKERS = ("view", "dumper")
"""mitmproxy's addons that show flows, and its options by which flows are written or handed to someone else."""
LOOKED_AT = ("save_stream_file", "hardump", "scripts")


class QwenProxy:
    """mitmproxy's side of qwenproxy.

    *environ* is the process's own by default; settings in it are overridden by mitmproxy options `qwen_*`.
    """

    name = "qwenproxy"

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        live.install()
        logs.leave_out_bytes()
        self._environ = os.environ if environ is None else environ
        self._desk: Desk | None = None
        self._toolbox: Toolbox | None = None
        self._archive: Archive | None = None
        self._running = False
        self._json: logging.Handler | None = None
        self._keep = 0
        self._shelf: Shelf | None = None
        self.traffic = Traffic()
        """The exchanges under way, whatever the settings become."""
        self.settings = Settings()

    @property
    def service(self) -> Service | None:
        """What exchanges go by at the moment; None until the options are known."""
        return None if self._desk is None else self._desk.service

    def load(self, loader: Loader) -> None:
        """Declare the options, and set those of mitmproxy that everything rests on."""
        with suppress(exceptions.OptionsError):  # from here, mitmproxy would go on without us: `configure` refuses
            self.settings = self._read({})
        for option in settings.options(self.settings):
            loader.add_option(*option)
        mitmproxy_options = {"allow_hosts": Hosts(self.settings.hosts).allow_hosts(), **OURS}
        ctx.options.update(**{name: value for name, value in mitmproxy_options.items() if not is_set(name)})
        ctx.options.subscribe(self._before_change, GUARDED)
        self._prepare_views()

    def configure(self, updated: set[str]) -> None:
        """Take up changed options; refuses what would open a way past the proxy."""
        self._configure(updated)
        self._keep = self.settings.view_limit if is_looked_at() else 0

    def _configure(self, updated: set[str]) -> None:
        live.door.authenticates = bool(getattr(ctx.options, "proxyauth", None))
        live.door.hears = getattr(ctx.master.addons, "hears", anybody)
        if self._desk is not None and not any(name in GUARDED or name.startswith(PREFIX) for name in updated):
            return
        found = self._found()
        if self._desk is None or found != self.settings:
            self._take_up(found)
        ours = Hosts(found.hosts).allow_hosts()
        if list(ctx.options.allow_hosts) != ours:
            ctx.options.update(allow_hosts=ours)

    def running(self) -> None:
        self._running = True
        if self._desk is not None:
            self._desk.service.start()
            for complaint in service.complaints(self._desk.service):
                log.warning("%s", complaint)

    def done(self) -> None:
        """Let go of the upstream and of the tools; answers under way go on."""
        if self._desk is not None:
            self._desk.closed = True
        self._retire()
        toolbox, self._toolbox = self._toolbox, None
        if toolbox is not None:
            asyncio_utils.create_task(toolbox.close(), name="close the tools", keep_ref=True)
        self._put_away()
        self._log_as_json(False)

    async def qwen_open(self, visit: Visit) -> None:
        """Answer a request of ours."""
        desk = self._desk
        if desk is None:
            return  # not configured: the door answers that the proxy is not ready
        handler = ctx.master.addons.get("proxyserver").connections.get(visit.flow.client_conn.id)
        await visit.open(desk.answer(visit), handler, limit=desk.patience, keep=self._keep)

    def response(self, flow: http.HTTPFlow) -> None:
        """Have what is kept for viewing stay within its bound."""
        if self._shelf is not None:
            self._shelf.put(flow, self.settings.view_memory)

    error = websocket_end = response

    def show_rounds(self, flows: Sequence[flow.Flow]) -> None:
        """The command `qwen.rounds`: show the calls of Qwen behind *flows* as flows of their own."""
        view = ctx.master.addons.get("view")
        for row in [row for each in flows for row in rows.rounds_of(each)]:
            view.add([row])
            self.response(row)

    def next_layer(self, data: layer.NextLayer) -> None:
        """Have no connection relayed unread as long as it may still turn out to be ours."""
        if isinstance(data.layer, TCPLayer) and not data.data_server() and guard.undecided(data.data_client()):
            data.context.layers.remove(data.layer)
            data.layer = None

    def _prepare_views(self) -> None:
        """Make exchanges readable in whatever of mitmproxy's shows flows, or writes them."""
        contentviews.install()
        if (view := ctx.master.addons.get("view")) is not None:
            self._shelf = Shelf(view)
            ctx.master.commands.add("qwen.rounds", self.show_rounds)
        if (saver := ctx.master.addons.get("savehar")) is not None:
            rows.extend_har(saver)
        if "web_columns" in ctx.options and not is_set("web_columns"):
            ctx.options.update(web_columns=COLUMNS)

    def _before_change(self, _options: Options, _updated: set[str]) -> None:
        """Refuse before anyone takes it up what `configure` would refuse: mitmproxy listens on a new mode at once."""
        if self._desk is not None:
            self._found()

    def _found(self) -> Settings:
        """The settings by the options as they are now.  Raises OptionsError if the options or they are wrong."""
        found = self._read({o.name.removeprefix(PREFIX): getattr(ctx.options, o.name) for o in settings.options()})
        try:
            self._guard(found)
        except ValueError as e:
            raise exceptions.OptionsError(str(e)) from None
        return found

    def _read(self, options: Mapping[str, object]) -> Settings:
        try:
            return settings.load(self._environ, Path.cwd(), options)
        except ValueError as e:
            raise exceptions.OptionsError(str(e)) from None

    def _guard(self, found: Settings) -> None:
        """Raise ValueError for options by which a request could get past the proxy."""
        options = ctx.options
        hosts = Hosts(found.hosts)
        ours = (hosts.allow_hosts(), Hosts(self.settings.hosts).allow_hosts())
        if complaints := [*guard.holes(options, ours), *guard.wrong_targets(options.mode, hosts)]:
            raise ValueError("; ".join(complaints))
        limits(found)
        if options.server:
            access.check_listeners(guard.listen_addresses(options.mode, options.listen_host), found)

    def _take_up(self, found: Settings) -> None:
        """Let *found* hold from now on.  Raises OptionsError for tools that cannot be."""
        toolbox = self._tools(found)
        before, was, self.settings = self._desk, self.settings, found
        if before is None or state_of(found) != state_of(was):
            self._put_away()
            self._archive = archived(place.store(found, self._environ))
        self._retire()
        self._desk = Desk(found, service.service(found, self._environ), toolbox, self._archive, self.traffic)
        if before is not None:
            self._desk.inherit(before)
        if self._running:
            self._desk.service.start()
        live.door.hosts, live.door.body_limit = Hosts(found.hosts), found.body_limit
        self._log_as_json(found.log_format == "json")

    def _tools(self, found: Settings) -> Toolbox:
        """The proxy's own tools by *found*; those that are running go on."""
        try:
            if self._toolbox is None:
                self._toolbox = Toolbox(found, self._environ)
            else:
                registry.registry(found, self._environ)
                asyncio_utils.create_task(self._toolbox.reload(found), name="reload the tools", keep_ref=True)
        except ValueError as e:
            raise exceptions.OptionsError(str(e)) from None
        return self._toolbox

    def _put_away(self) -> None:
        """Let go of what is stored; responses in the background end."""
        archive, self._archive = self._archive, None
        if archive is not None:
            asyncio_utils.create_task(archive.close(), name="close the state", keep_ref=True)

    def _retire(self) -> None:
        desk, self._desk = self._desk, None
        if desk is not None:
            asyncio_utils.create_task(desk.service.retire(), name="retire a service", keep_ref=True)

    def _log_as_json(self, wanted: bool) -> None:
        if wanted and self._json is None:
            self._json = logs.use_json()
        elif not wanted and self._json is not None:
            logs.undo_json(self._json)
            self._json = None


def is_looked_at() -> bool:
    """Whether anything may look at flows: if not, nothing is kept for viewing."""
    asked = (getattr(ctx.options, name, None) for name in LOOKED_AT)
    return any(asked) or any(ctx.master.addons.get(name) is not None for name in LOOKERS)


def anybody(_hook: str) -> bool:
    """mitmproxy's own list of addons does not tell who wants a hook."""
    return True


def state_of(found: Settings) -> tuple[object, ...]:
    """What *found* says of the state."""
    return tuple(getattr(found, each.name) for each in fields(StateSettings) if each.name.startswith("state"))


def archived(store: Store | None) -> Archive | None:
    return None if store is None else Archive(store)


def is_set(name: str) -> bool:
    """Whether the user has set mitmproxy's option *name*, even if to its default."""
    return ctx.options._options[name].value is not unset
