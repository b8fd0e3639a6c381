"""Whatever of mitmproxy's shows flows, or writes them: made fit for exchanges, and kept within a bound."""

from collections.abc import Callable, Sequence

from mitmproxy import flow, http
from mitmproxy.addons.view import View
from mitmproxy.master import Master

from qwenproxy.flows.options import is_set
from qwenproxy.flows.views import contentviews, rows
from qwenproxy.flows.views.memory import Shelf

COLUMNS = ["comment", "status"]
"""What mitmweb's flow list shows, unless the user has set it: beside a path, a comment would have no room."""


class Screen:
    """mitmweb's or the console's list of flows; *limit* tells how many bytes it may keep."""

    def __init__(self, view: View, limit: Callable[[], int]) -> None:
        self._view = view
        self._limit = limit
        self._shelf = Shelf(view)

    def put(self, finished: http.HTTPFlow) -> None:
        """Have what is kept stay within its bound."""
        self._shelf.put(finished, self._limit())

    def show_rounds(self, flows: Sequence[flow.Flow]) -> None:
        """The command `qwen.rounds`: show the calls of Qwen behind *flows* as flows of their own."""
        for row in [row for each in flows for row in rows.rounds_of(each)]:
            self._view.add([row])
            self.put(row)


def prepared(master: Master, limit: Callable[[], int]) -> Screen | None:
    """Make exchanges readable for *master*'s users; None if nobody looks."""
    contentviews.install()
    options = master.options
    if (saver := master.addons.get("savehar")) is not None:
        rows.extend_har(saver)
    if "web_columns" in options and not is_set("web_columns"):
        options.update(web_columns=COLUMNS)
    view = master.addons.get("view")
    if view is None:
        return None
    found = Screen(view, limit)
    master.commands.add("qwen.rounds", found.show_rounds)
    return found
