"""The simulator: a Qwen on loopback that needs no account; for the proxy an upstream as any other.

What is said comes from the scripted model, how it is said from a face, how that goes wrong from the scenarios.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from qwenproxy.simulator import answers, compatible
from qwenproxy.simulator.contents import web as contents
from qwenproxy.simulator.dashscope import listing
from qwenproxy.simulator.doors import COMPATIBLE, NATIVE, PORTAL, TALKS, door_of
from qwenproxy.simulator.embeddings import Embeddings
from qwenproxy.simulator.face import Face
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.known import LISTED, is_known
from qwenproxy.simulator.oauth import OAuth
from qwenproxy.simulator.oauth_web import Pages
from qwenproxy.simulator.playing import Player
from qwenproxy.simulator.refusals import TOO_LARGE, Refused, unknown_model, unknown_path
from qwenproxy.simulator.service import Service
from qwenproxy.simulator.steps import Steps
from qwenproxy.wire.openai import Json

KEY = "sk-simulator"
HUMAN_PACE = 1 / 30
BODY_LIMIT = 64 * 1024 * 1024
KEPT, KEPT_BODY = 200, 1024 * 1024
"""Requests that are remembered, and the bytes up to which their bodies are."""

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Answer = Callable[[Any, str], Steps]
"""Makes an answer of a request's JSON and id; may raise Refused."""


class Asked(NamedTuple):
    """A request as it came; names of headers in lower case; `body` is None if it was not JSON, or too large to keep."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Simulator:
    """A server within a running event loop.

    *key* is the API key that it takes, *pace* the seconds between a stream's events, *seed* what its ids grow from,
    *terms* how its OAuth server behaves.
    """

    def __init__(self, key: str = KEY, pace: float = HUMAN_PACE, seed: int = 0, *, terms: Terms | None = None) -> None:
        self.key = key
        self.oauth = OAuth(terms)
        self.base_url = ""
        self.requests: list[Asked] = []
        self.cancelled = 0
        """Clients that left before their answer was complete."""
        self._tokens = {key}
        self._pace = pace
        self._service = Service(pace, seed)
        self._runner: web.AppRunner | None = None
        self._stopping = False

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one.  Raises OSError if it cannot."""
        self._stopping = False
        self._runner = web.AppRunner(self._app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError:
            await self.stop()
            raise
        self.base_url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Closes every connection; answers that are under way end there."""
        self._stopping = True
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_routes(Embeddings(self.serve).routes())
        app.router.add_routes(web.post(path, self._talk(face_of)) for path, face_of in TALKS.items())
        for base in (PORTAL, COMPATIBLE):
            app.router.add_get(f"{base}/models", self._models)
            app.router.add_get(f"{base}/models/{{name:.+}}", self._model)
        app.router.add_get(f"{NATIVE}/models", self._native_models)
        app.router.add_routes(contents.routes(self.serve))
        app.router.add_routes([*self.oauth.routes(), *Pages(self.oauth).routes()])
        app.router.add_route("*", "/{rest:.*}", self._nowhere)
        return app

    def _talk(self, face_of: Callable[[web.Request], Face]) -> Handler:
        """What answers a chat at a face's address."""

        async def talk(request: web.Request) -> web.StreamResponse:
            face, portal = face_of(request), request.path.startswith(f"{PORTAL}/")
            return await self.serve(request, lambda body, name: self._service.chat(body, name, face, portal=portal))

        return talk

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return await self.serve(request, lambda body, name: _json(compatible.models(LISTED), name))

    async def _native_models(self, request: web.Request) -> web.StreamResponse:
        return await self.serve(request, lambda body, name: _json(listing.page(LISTED, request.query), name))

    async def _model(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["name"]

        def answer(body: Any, request_id: str) -> Steps:
            if not is_known(wanted):
                raise Refused(unknown_model(wanted))
            return _json(compatible.model(wanted), request_id)

        return await self.serve(request, answer)

    async def _nowhere(self, request: web.Request) -> web.StreamResponse:
        def answer(body: Any, request_id: str) -> Steps:
            raise Refused(unknown_path(request.method, request.path))

        return await self.serve(request, answer, guarded=False)

    async def serve(self, request: web.Request, answer: Answer, *, guarded: bool = True) -> web.StreamResponse:
        """Reads, checks the token if *guarded*, answers; refuses in the form that fits the path."""
        request_id = self._service.new_id()
        try:
            body = await self._read(request)
            if guarded:
                self._admit(request)
            steps = answer(body, request_id)
        except Refused as refused:
            door = door_of(request.path)
            steps = door.sent(request, answers.refused(refused.refusal, request_id, door.error))
        return await self._play(request, steps)

    async def _read(self, request: web.Request) -> Any:
        """The request's JSON, None if it is none; keeps a record of it.  Raises Refused if it is too large."""
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise Refused(TOO_LARGE) from error
        body = _loads(raw)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Asked(request.method, request.path, headers, body if len(raw) <= KEPT_BODY else None))
        del self.requests[:-KEPT]
        return body

    def _admit(self, request: web.Request) -> None:
        """Checks the token: the key, or at the portal one of a login.  Raises Refused."""
        door = door_of(request.path)
        token = door.token(request)
        if token in self._tokens:
            return
        if not token or not request.path.startswith(f"{PORTAL}/"):
            raise Refused(door.stranger(request))
        self.oauth.admit(token)

    async def _play(self, request: web.Request, steps: Steps) -> web.StreamResponse:
        player = Player(request, self._pace)
        try:
            return await player.play(steps)
        except (asyncio.CancelledError, ConnectionError):
            if not player.broke and not self._stopping:
                self.cancelled += 1
            raise


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _json(answer: Json, request_id: str) -> Steps:
    return answers.whole(answers.JSON, orjson.dumps(answer), request_id)
