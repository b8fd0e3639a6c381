"""Somebody else's addon, which misbehaves as a request asks for: `x-foreign: HOOK WHAT`."""

import asyncio
import os

from mitmproxy import ctx, exceptions, http


async def behave(flow: http.HTTPFlow, hook: str) -> None:
    wanted, _, what = flow.request.headers.get("x-foreign", "").partition(" ")
    if wanted != hook:
        return
    match what:
        case "raise":
            raise ValueError("a fault of somebody else's")
        case "cancel":
            raise asyncio.CancelledError
        case "halt":
            raise exceptions.AddonHalt
        case "kill":
            flow.kill()
        case "hang":
            await asyncio.Event().wait()
        case "redirect":
            flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", int(os.environ["ORIGINAL"])
        case "url":
            flow.request.url = f"http://127.0.0.1:{os.environ['ORIGINAL']}/v1/models"
        case "stream":
            flow.request.stream = True
        case "stream through":
            flow.request.stream = lambda data: data
        case "stream back":
            assert flow.response is not None
            flow.response.stream = lambda data: [data]
        case "answer":
            flow.response = http.Response.make(203, b"foreign")
        case "no answer":
            flow.response = None
        case "stream and answer":
            flow.request.stream = True
            flow.response = http.Response.make(203, b"foreign")
        case _:
            name, _, value = what.partition("=")
            ctx.options.set(f"{name}={value}")


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

    async def error(self, flow: http.HTTPFlow) -> None:
        await behave(flow, "error")


addons = [Foreign()]
