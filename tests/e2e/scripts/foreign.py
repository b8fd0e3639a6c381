"""Somebody else's addon, which does to a flow what its request asks for: `x-foreign: HOOK DEED`."""

import asyncio
import os
from collections.abc import Callable

from mitmproxy import ctx, exceptions, http


def fail(flow: http.HTTPFlow) -> None:
    raise ValueError("a fault of somebody else's")


def cancel(flow: http.HTTPFlow) -> None:
    raise asyncio.CancelledError


def halt(flow: http.HTTPFlow) -> None:
    raise exceptions.AddonHalt


def redirect(flow: http.HTTPFlow) -> None:
    flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", int(os.environ["ORIGINAL"])


def rewrite(flow: http.HTTPFlow) -> None:
    flow.request.url = f"http://127.0.0.1:{os.environ['ORIGINAL']}/v1/chat/completions"


def rename(flow: http.HTTPFlow) -> None:
    flow.request.host_header = "other.example"


def stream(flow: http.HTTPFlow) -> None:
    flow.request.stream = True


def stream_through(flow: http.HTTPFlow) -> None:
    flow.request.stream = lambda data: data


def stream_back(flow: http.HTTPFlow) -> None:
    if flow.response is not None:
        flow.response.stream = lambda data: [data]


def answer(flow: http.HTTPFlow) -> None:
    flow.response = http.Response.make(203, b"foreign", {"connection": "keep-alive"})


def unanswer(flow: http.HTTPFlow) -> None:
    flow.response = None


def stream_and_answer(flow: http.HTTPFlow) -> None:
    stream(flow)
    answer(flow)


DEEDS: dict[str, Callable[[http.HTTPFlow], None]] = {
    "raise": fail,
    "cancel": cancel,
    "halt": halt,
    "kill": http.HTTPFlow.kill,
    "redirect": redirect,
    "rewrite": rewrite,
    "rename": rename,
    "stream": stream,
    "stream through": stream_through,
    "stream back": stream_back,
    "answer": answer,
    "unanswer": unanswer,
    "stream and answer": stream_and_answer,
}


async def behave(flow: http.HTTPFlow, hook: str) -> None:
    wanted, _, deed = flow.request.headers.get("x-foreign", "").partition(" ")
    if wanted != hook:
        return
    if deed == "hang":
        await asyncio.Event().wait()
    elif deed in DEEDS:
        DEEDS[deed](flow)
    else:
        change_option(flow, deed)


def change_option(flow: http.HTTPFlow, assignment: str) -> None:
    """Set an option of mitmproxy, and answer with what it says to that."""
    name, _, value = assignment.partition("=")
    new = [value] if isinstance(getattr(ctx.options, name), list | tuple) else value
    typed: object = {"true": True, "false": False}.get(value, new)
    try:
        ctx.options.update(**{name: typed})
    except exceptions.OptionsError as e:
        flow.response = http.Response.make(409, str(e))
    else:
        flow.response = http.Response.make(200, b"taken")


class Foreign:
    """Each hook that a flow passes through."""

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "requestheaders")

    async def request(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "request")

    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "responseheaders")

    async def response(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "response")

    async def websocket_start(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "websocket_start")

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "websocket_message")

    async def websocket_end(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "websocket_end")


addons = [Foreign()]
