"""mitmproxy's list of flows, made fit for exchanges."""

from mitmproxy.addons.view import View
from mitmproxy.options import Options
from mitmproxy.test import taddons, tflow

from qwenproxy.flows.views import screen
from qwenproxy.flows.views.memory import size_of


def test_without_a_list_there_is_nothing_to_keep_small() -> None:
    with taddons.context(options=Options()) as context:
        assert screen.prepared(context.master, lambda: 0) is None


def test_a_list_keeps_to_its_bound_as_it_is_by_then() -> None:
    view, bound = View(), [0]
    with taddons.context(view) as context:
        found = screen.prepared(context.master, lambda: bound[0])
        assert found is not None
        flows = [tflow.tflow(resp=True) for _ in range(4)]
        view.add(flows)
        for each in flows[:3]:
            found.put(each)
        assert len(view) == 4
        bound[0] = 2 * size_of(flows[0])
        found.put(flows[3])
        assert [each.id for each in view] == [each.id for each in flows[2:]]
