"""The ways in: which face a path belongs to, how callers show who they are there, and in what form they are refused."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiohttp import web

from qwenproxy.simulator.compatible import Compatible
from qwenproxy.simulator.contents import refusals as contents_refusals
from qwenproxy.simulator.contents import web as contents
from qwenproxy.simulator.contents.face import Contents
from qwenproxy.simulator.dashscope import refusals as native_refusals
from qwenproxy.simulator.dashscope.face import Dashscope
from qwenproxy.simulator.face import Face
from qwenproxy.simulator.gaps import Gaps
from qwenproxy.simulator.refusals import BAD_KEY, Envelope, Refusal
from qwenproxy.simulator.steps import Steps

PORTAL, COMPATIBLE, NATIVE = "/v1", "/compatible-mode/v1", "/api/v1"
BASES = (COMPATIBLE, PORTAL, NATIVE, contents.BASE)
"""What a client is given as the service's address, by the face it speaks to."""

FACES: tuple[type[Face], ...] = (Compatible, Dashscope, Contents)


def native(request: web.Request) -> Face:
    """The native face, by the request's path and headers (qwen-wire C.1, C.2)."""

    def wants(name: str) -> bool:
        return request.headers.get(name, "").strip().lower() == "enable"

    multimodal = request.path.endswith("/multimodal-generation/generation")
    return Dashscope(multimodal, stream=wants("X-DashScope-SSE"), asynchronous=wants("X-DashScope-Async"))


TALKS: Mapping[str, Callable[[web.Request], Face]] = {
    f"{PORTAL}/chat/completions": lambda request: Compatible(),
    f"{COMPATIBLE}/chat/completions": lambda request: Compatible(),
    f"{COMPATIBLE}/completions": lambda request: Gaps(),
    f"{NATIVE}/services/aigc/text-generation/generation": native,
    f"{NATIVE}/services/aigc/multimodal-generation/generation": native,
    contents.WHOLE: contents.face_of,
    contents.STREAM: contents.face_of,
}
"""Where one can chat (POST), and with which face."""


class Door(NamedTuple):
    """How a caller's token is found, the body of a refusal, what a stranger hears, and how a refusal is sent."""

    token: Callable[[web.Request], str]
    error: Envelope
    stranger: Callable[[web.Request], Refusal] = lambda request: BAD_KEY
    sent: Callable[[web.Request, Steps], Steps] = lambda request, steps: steps


def bearer(request: web.Request) -> str:
    """The bearer token, "" if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


DOORS: Mapping[str, Door] = {
    f"{contents.BASE}/": Door(contents.key_of, contents_refusals.error, contents.stranger, contents.sent),
    f"{NATIVE}/": Door(bearer, native_refusals.error),
    "/": Door(bearer, Refusal.error),
}
"""The beginning of a path -> its door; the first that fits."""


def door_of(path: str) -> Door:
    """The door that *path* leads through."""
    return next(door for start, door in DOORS.items() if path.startswith(start))
