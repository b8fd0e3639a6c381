"""What follows the traffic of this process: metrics, the usage that is kept, traces; each by its settings."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from qwenproxy.auth.oauth import OAuth
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.state import place
from qwenproxy.telemetry.usage import UsageLog
from qwenproxy.traffic import Meter, Traffic, Watcher

INSTALL = "needs OpenTelemetry, which is not installed: pip install 'qwenproxy[otel]'"


class Closing(Watcher, Protocol):
    """A watcher that has something to finish."""

    def close(self) -> None:
        """Finish it; may take seconds."""
        ...


class Telemetry:
    """The watchers of *traffic* that the settings ask for, in turn, beside those that it has already.

    What they need is imported when it is wanted.
    """

    def __init__(self, traffic: Traffic, environ: Mapping[str, str]) -> None:
        self._traffic = traffic
        self._others = tuple(traffic.watchers)
        self._environ = environ
        self._metrics: Meter | None = None
        self._closing: dict[object, Closing] = {}
        """By the settings that they are for."""
        self.meter: Meter | None = None
        """What has figures for whoever asks, if anything counts."""

    def take_up(self, found: Settings) -> Sequence[Closing]:
        """Let *found* hold from now on; those are returned that have to be closed.  Raises ValueError."""
        before, self._closing = self._closing, self._wanted(found)
        if found.metrics and self._metrics is None:
            self._metrics = _metrics(self._environ)
        self.meter = self._metrics if found.metrics else None
        meters = () if self.meter is None else (self.meter,)
        self._traffic.watchers = (*self._others, *meters, *self._closing.values())
        return [old for old in before.values() if old not in self._traffic.watchers]

    def follow(self, service: Service) -> None:
        """Hear of the renewals of the logins of *service*, and of what goes wrong with what machines share."""
        if self.meter is not None:
            if service.shared is not None:
                service.shared.link.count = self.meter.count
            for line in service.lines:
                if isinstance(line.credential, OAuth):
                    line.credential.on_refresh = self.meter.refreshed

    def limited(self, name: str) -> None:
        """A request or a connection has met the limit *name*, one of a few words."""
        if self.meter is not None:
            self.meter.limited(name)

    def left(self, told: int, cut: int) -> None:
        """Workers were killed that owed answers: so many apps were *told*, the connections of others were *cut*."""
        for outcome, number in (("told", told), ("cut", cut)):
            if self.meter is not None and number:
                self.meter.count("answers_left", outcome, by=number)

    async def leave(self) -> None:
        """Follow nothing any more, and finish; may take seconds, in which others go on."""
        left, self._closing, self._traffic.watchers = self._closing, {}, self._others
        if self._metrics is not None:
            self._metrics.settle()
        await asyncio.gather(*(asyncio.to_thread(watcher.close) for watcher in left.values()))

    def _wanted(self, found: Settings) -> dict[object, Closing]:
        """What has to be closed once it is not wanted any more; what goes on as before stays the same."""
        wanted: dict[object, Closing] = {}
        if found.otel:
            name = ("otel", found.otel_content)
            wanted[name] = self._closing.get(name) or _traces(found)
        if (store := place.usage(found, self._environ)) is not None:
            wanted[store] = self._closing.get(store) or UsageLog(store)
        return wanted


def _metrics(environ: Mapping[str, str]) -> Meter:
    from qwenproxy.telemetry.metrics import Metrics

    return Metrics(environ)


def _traces(found: Settings) -> Closing:
    try:
        from qwenproxy.telemetry.traces import Traces
    except ModuleNotFoundError as e:
        raise ValueError(f"{found.sources.get('otel', 'otel')}: {INSTALL} ({e})") from None
    return Traces(content=found.otel_content)
