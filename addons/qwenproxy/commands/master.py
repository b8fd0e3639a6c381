"""mitmdump without what an API proxy never uses: half of mitmproxy's cost of a request goes into asking its addons."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mitmproxy import addonmanager, addons, exceptions, hooks, http, master, options
from mitmproxy.addons import errorcheck

NEEDED = frozenset(
    {
        "core",
        "block",
        "disableh2c",
        "proxyserver",
        "scriptloader",
        "nextlayer",
        "tlsconfig",
    }
)
"""mitmproxy's addons that serve here, by their names."""
FOR_OPTIONS: Mapping[str, str] = {
    "hardump": "savehar",
    "proxyauth": "proxyauth",
    "save_stream_file": "save",
    "save_stream_filter": "save",
}
"""Options, and the one addon that comes when they are set; for any other all come, since any may have it."""


class CachedAddonManager(addonmanager.AddonManager):
    """Remembers which addon wants which event, instead of asking each of them every time."""

    def __init__(self, master: master.Master) -> None:
        super().__init__(master)
        self._wanted: dict[str, list[Callable[..., Any]]] = {}

    def register(self, addon: Any) -> Any:
        self._wanted.clear()
        return super().register(addon)

    def remove(self, addon: Any) -> None:
        self._wanted.clear()
        super().remove(addon)

    def trigger(self, event: hooks.Hook) -> None:
        if isinstance(event, hooks.ConfigureHook):
            self._wanted.clear()  # it may change what an addon consists of
        if self._wanting(event):
            super().trigger(event)

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        if self.hears(event.name) or self.hears(hooks.UpdateHook.name):
            await super().handle_lifecycle(event)

    def hears(self, name: str) -> bool:
        """Whether anybody wants the event *name*, as far as that is known: nobody need be asked who does not."""
        return self._wanted.get(name) != []

    def _wanting(self, event: hooks.Hook) -> list[Callable[..., Any]]:
        """What is to be called for *event*."""
        wanted = self._wanted.get(event.name)
        if wanted is None:
            wanted = [function for addon in self.chain for _, function in self._iter_hooks(addon, event)]
            self._wanted[event.name] = wanted
        return wanted

    async def trigger_event(self, event: hooks.Hook) -> None:
        wanted = self._wanting(event)
        arguments = event.args() if wanted else []
        for function in wanted:
            try:
                result = function(*arguments)
                if result is not None and inspect.isawaitable(result):
                    await result
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except Exception as e:
                with addonmanager.safecall():  # logs it as everywhere in mitmproxy
                    raise e


class LeanMaster(master.Master):
    """What `qwenproxy run` runs: mitmdump, lean."""

    def __init__(self, opts: options.Options) -> None:
        super().__init__(opts)
        self._legacy_log_events.uninstall()  # the deprecated `add_log`, for every line
        leave_unchecked()
        self.addons = CachedAddonManager(self)
        self._spare: list[Any] = []
        for addon in addons.default_addons():
            if addonmanager._get_name(addon) in NEEDED:
                self.addons.add(addon)
            else:
                self._spare.append(addon)
        self.addons.add(errorcheck.ErrorCheck())

    def complete(self) -> None:
        """Add the addons that were left out if an option that is set may be one of theirs, or a script may set it."""
        asked = [FOR_OPTIONS.get(name) for name in self.options.deferred if not name.startswith("qwen_")]
        if self.options.scripts:
            asked += FOR_OPTIONS.values()
        for addon in [addon for addon in self._spare if None in asked or addonmanager._get_name(addon) in asked]:
            self._spare.remove(addon)
            self.addons.add(addon)
            # what is set by now, nobody has told it
            self.addons.invoke_addon_sync(addon, hooks.ConfigureHook(set(self.options.keys())))


def leave_unchecked() -> None:
    """Do without mitmproxy's check of every message's types, as Python does with -O.

    It is for those who write addons that make messages, and a fifteenth of what a request costs.
    """
    type.__setattr__(http.MessageData, "__post_init__", lambda message: None)
