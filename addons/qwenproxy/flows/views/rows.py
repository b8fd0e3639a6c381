"""Rounds as flows of their own: rows in mitmweb, entries in a HAR file."""

from collections.abc import Callable, Sequence
from typing import Any

from mitmproxy import flow, http
from mitmproxy.addons.savehar import SaveHar
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.mode_specs import ProxyMode

from qwenproxy.flows.views import notes
from qwenproxy.transcript import Kept

type Har = dict[str, Any]


def rounds_of(exchange: flow.Flow) -> list[http.HTTPFlow]:
    """The rounds of *exchange*, as they were on the wire but for credentials; none if it is not ours."""
    found = notes.of(exchange) if isinstance(exchange, http.HTTPFlow) else None
    if found is None or not isinstance(exchange, http.HTTPFlow):
        return []
    many = len(found["rounds"])
    titles = (f"round {number} of {many} of {found['exchange']['id']}" for number in range(1, many + 1))
    return [_row(exchange, kept, title) for kept, title in zip(found["rounds"], titles, strict=True)]


def _row(exchange: http.HTTPFlow, kept: Kept, title: str) -> http.HTTPFlow:
    client = Client(peername=exchange.client_conn.peername, sockname=exchange.client_conn.sockname)
    # What comes from a reverse listener is answered by us, so it can be sent again, but never past us.
    client.proxy_mode = ProxyMode.parse("reverse:https://api.openai.com")
    row = http.HTTPFlow(client, Server(address=None))
    row.comment = title
    row.request = http.Request.make(kept["method"], kept["url"], kept["body"], _headers(kept["headers"]))
    start = exchange.request.timestamp_start
    row.request.timestamp_start = row.request.timestamp_end = row.timestamp_created = start + kept["sent"]
    if kept["status"] is None:
        row.error = flow.Error(kept["error"])
        return row
    row.response = http.Response.make(kept["status"], kept["answer"], _headers(kept["answer_headers"]))
    row.response.timestamp_start = start + (kept["answered"] or 0.0)
    row.response.timestamp_end = start + (kept["last"] or kept["answered"] or 0.0)
    return row


def _headers(pairs: Sequence[Sequence[str]]) -> http.Headers:
    """*pairs* without what was about the transport, and does not fit what is kept."""
    dropped = ("transfer-encoding", "content-length", "content-encoding", "connection")
    fields = [(name, value) for name, value in pairs if name.lower() not in dropped]
    return http.Headers([(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in fields])


def extend_har(saver: SaveHar) -> None:
    """Let *saver*, mitmproxy's writer of HAR files, put the rounds of an exchange behind it, and comments beside."""
    plain: Callable[[Sequence[flow.Flow]], Har] = SaveHar.make_har.__get__(saver)

    def make_har(flows: Sequence[flow.Flow]) -> Har:
        told = [each for exchange in flows for each in (exchange, *rounds_of(exchange))]
        har = plain(told)
        entries = har["log"]["entries"]
        for entry, each in zip(entries, (each for each in told if isinstance(each, http.HTTPFlow)), strict=True):
            entry["comment"] = each.comment
        return har

    vars(saver)["make_har"] = make_har
