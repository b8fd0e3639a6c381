"""This face over HTTP: its addresses, how callers show who they are, how they are refused, and what does not chat."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from qwenproxy.models import row_of
from qwenproxy.simulator import answers
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.contents import listing, refusals
from qwenproxy.simulator.contents.face import Contents, ContentsArray
from qwenproxy.simulator.contents.request import chat_of, known, read
from qwenproxy.simulator.costs import prompt_of
from qwenproxy.simulator.known import KNOWN
from qwenproxy.simulator.markers import markers_of
from qwenproxy.simulator.refusals import Refusal, Refused
from qwenproxy.simulator.steps import Send, Start, Step, Steps
from qwenproxy.wire.openai import Json

BASE = "/v1beta"
MODEL = f"{BASE}/models/{{name:[^:]+}}"
WHOLE, STREAM, COUNT = f"{MODEL}:generateContent", f"{MODEL}:streamGenerateContent", f"{MODEL}:countTokens"

UNSENT = ("retry-after", "content-length")
"""Headers that refusals do not have here, or with another value."""

type Answer = Callable[[Any, str], Steps]
type Serve = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]
"""Answers a request with what an `Answer` makes of its JSON and id."""


def face_of(request: web.Request) -> Contents:
    """The face of a request to generate."""
    name, stream = request.match_info.get("name", ""), request.path.endswith(":streamGenerateContent")
    return ContentsArray(name, stream) if _wants_array(request) else Contents(name, stream)


def _wants_array(request: web.Request) -> bool:
    return request.path.endswith(":streamGenerateContent") and request.query.get("alt") != "sse"


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def key_of(request: web.Request) -> str:
    """The caller's key: by its own header, in the query, or as a bearer token.  Raises Refused if there is none."""
    key = request.headers.get("x-goog-api-key") or request.query.get("key") or _bearer(request)
    if not key:
        raise Refused(refusals.NO_KEY)
    return key


def stranger(request: web.Request) -> Refusal:
    """What a caller hears whose key is not known."""
    return refusals.BAD_TOKEN if _bearer(request) else refusals.BAD_KEY


def sent(request: web.Request, refusal: Steps) -> Steps:
    """A refusal as it is sent: without Retry-After, and where an array was asked for as its one element."""
    return [_sent(step, array=_wants_array(request)) for step in refusal]


def _sent(step: Step, *, array: bool) -> Step:
    match step:
        case Start():
            headers = {name: value for name, value in step.headers.items() if name not in UNSENT}
            return Start(step.status, headers)
        case Send() if array and step.data.startswith(b'{"error"'):
            return Send(b"[" + step.data + b"\n]\n")
    return step


def routes(serve: Serve) -> list[web.RouteDef]:
    """The addresses that do not chat: the models, and the count of a request's tokens."""

    async def models(request: web.Request) -> web.StreamResponse:
        return await serve(request, lambda body, name: _json(listing.page(KNOWN, request.query), name))

    async def model(request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["name"]
        return await serve(request, lambda body, name: _json(listing.model(known(wanted, "getModel")), name))

    async def count(request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["name"]
        return await serve(request, lambda body, name: _json(_count(body, wanted), name))

    listed, one = web.get(f"{BASE}/models", models), web.get(f"{BASE}/models/{{name:.+}}", model)
    return [listed, one, web.post(COUNT, count)]


def _json(answer: Json, request_id: str) -> Steps:
    return answers.whole(answers.JSON, orjson.dumps(answer), request_id)


def _count(body: Any, name: str) -> Json:
    """What the request would cost.  Raises Refused."""
    model, _ = markers_of(name)
    request = read(body, "CountTokensRequest")
    chat = chat_of(request.get("generate_content_request", request))
    text, images = prompt_of(Ask({**chat, "model": known(model, "countTokens")}, row_of(model)))
    details = [{"modality": kind, "tokenCount": cost} for kind, cost in (("TEXT", text), ("IMAGE", images)) if cost]
    return {"totalTokens": text + images, "promptTokensDetails": details}
