"""mitmdump without what an API proxy never uses: half of mitmproxy's cost of a request goes into asking its addons."""

import inspect
from collections.abc import Callable
from typing import Any

from mitmproxy import addonmanager, addons, exceptions, hooks, master, options
from mitmproxy.addons import errorcheck

NEEDED = frozenset(
    {
        "core",
        "block",
        "disableh2c",
        "proxyauth",
        "proxyserver",
        "scriptloader",
        "nextlayer",
        "save",
        "savehar",
        "tlsconfig",
    }
)
"""mitmproxy's addons that serve here, by their names; the others come when one of their options is set."""


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
        self.addons = CachedAddonManager(self)
        self._spare: list[Any] = []
        for addon in addons.default_addons():
            if addonmanager._get_name(addon) in NEEDED:
                self.addons.add(addon)
            else:
                self._spare.append(addon)
        self.addons.add(errorcheck.ErrorCheck())

    def complete(self) -> None:
        """Add the addons that were left out if an option that is set may be one of theirs."""
        if any(not name.startswith("qwen_") for name in self.options.deferred):
            spare, self._spare = self._spare, []
            self.addons.add(*spare)
            for addon in spare:  # what is set by now, nobody has told them
                self.addons.invoke_addon_sync(addon, hooks.ConfigureHook(set(self.options.keys())))
