"""Whether this mitmproxy is the one that the door in its HTTP layer was made for."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mitmproxy import version
from mitmproxy.proxy.layers import http as layers

from qwenproxy.flows import bounded, shortcut

SIGNATURES: Mapping[str, str] = {
    "handle_event": "(self, event",
    "handle_protocol_error": "(self, event",
    "state_wait_for_request_headers": "(self, event",
    "start_request_stream": "(self)",
    "check_body_size": "(self, request",
    "check_killed": "(self, emit_error_hook",
    "handle_connect": "(self)",
    "make_server_connection": "(self)",
    "send_response": "(self, already_streamed",
    "flow_done": "(self)",
    "passthrough": "(self, event",
}
"""Methods of its stream, and how their parameters begin."""
OF_STREAM: Mapping[str, str] = {"send_response": "flow_done", "flow_done": "WebsocketLayer"}
OF_LAYER: Mapping[str, str] = {"make_stream": "HttpStream", "_handle_event": "MessageInjected"}
"""Functions, and a name in each: the stream is looked up when it is made, a WebSocket begins where the answer to its
handshake has gone out, and an event of ours finds its stream."""


class Misfit(RuntimeError):
    """This mitmproxy is not the one that the door was made for: nothing may start."""


def check() -> None:
    """Refuse a mitmproxy whose HTTP layer is another.  Raises Misfit."""
    stream = layers.HttpStream
    bent = [
        name
        for name, start in SIGNATURES.items()
        if not str(inspect.signature(getattr(stream, name, check))).startswith(start)
    ]
    for owner, uses in ((stream, OF_STREAM), (layers.HttpLayer, OF_LAYER)):
        bent += [name for name, used in uses.items() if used not in names_in(getattr(owner, name, check))]
    doors = {name for name, function in vars(stream).items() if "GetHttpConnection" in names_in(function)}
    if doors != {"make_server_connection"}:
        bent.append("GetHttpConnection")
    bent += [*shortcut.bent(), *bounded.misfits()]
    if bent:
        raise Misfit(
            f"mitmproxy {version.VERSION} differs from 12.2 where qwenproxy extends it ({', '.join(bent)}); "
            "not started, since requests could reach OpenAI.  Install mitmproxy>=12.2.3,<12.3."
        )


def names_in(function: Callable[..., Any] | Any) -> tuple[str, ...]:
    """The names that a function uses; those of anything else: none."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return () if code is None else code.co_names
