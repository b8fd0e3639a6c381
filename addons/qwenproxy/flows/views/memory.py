"""A bound for what mitmweb and mitmproxy's console keep: by themselves they keep every flow for ever."""

import logging
from collections import OrderedDict

from mitmproxy import flow, http
from mitmproxy.addons.view import View

from qwenproxy.flows.views import notes

log = logging.getLogger(__name__)

OVERHEAD = 8 * 1024
"""Bytes that a flow takes beside its bodies."""
ROUND = 4 * 1024
"""Bytes that a round takes beside its bodies."""


class Shelf:
    """The finished flows in *view*, the oldest first, and their size."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._said = False
        view.sig_store_remove.connect(self._removed)
        view.sig_store_refresh.connect(self._refreshed)

    @property
    def total(self) -> int:
        """Bytes that the flows take, more or less."""
        return self._total

    def put(self, finished: http.HTTPFlow, limit: int) -> None:
        """Count *finished*, and forget the oldest flows beyond *limit* bytes; 0: none.  It stays itself in any case."""
        self._forget(finished.id)
        self._sizes[finished.id] = size = size_of(finished)
        self._total += size
        while limit and self._total > limit and len(self._sizes) > 1:
            oldest = next(iter(self._sizes))
            self._forget(oldest)
            found = self._view.get_by_id(oldest)
            if found is not None:
                self._view.remove([found])
                self._say(limit)

    def _say(self, limit: int) -> None:
        if not self._said:
            self._said = True
            log.info("the oldest flows are forgotten from now on: they take %d bytes (setting view_memory)", limit)

    def _removed(self, flow: flow.Flow) -> None:
        self._forget(flow.id)

    def _refreshed(self) -> None:
        for name in [name for name in self._sizes if self._view.get_by_id(name) is None]:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._total -= self._sizes.pop(name, 0)


def size_of(finished: http.HTTPFlow) -> int:
    """Bytes that *finished* takes in memory, more or less."""
    size = OVERHEAD + len(finished.request.raw_content or b"")
    if finished.response is not None:
        size += len(finished.response.raw_content or b"")
    if finished.websocket is not None:
        size += sum(len(message.content) for message in finished.websocket.messages)
    found = notes.of(finished)
    rounds = found["rounds"] if found is not None else []
    return size + sum(ROUND + len(kept["body"]) + len(kept["answer"]) for kept in rounds)
