"""A strict OAuth server on loopback: checks every field, rotates refresh tokens, and revokes a login whose refresh
token comes twice.  Answers may be scripted, and held back."""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from qwenproxy.wire.oauth import DEVICE_GRANT, Server

PAGE = "<!doctype html><html><script src='aliyun_waf.js'></script></html>"

REQUIRED = {
    "device": {"client_id", "scope", "code_challenge", "code_challenge_method"},
    DEVICE_GRANT: {"grant_type", "client_id", "device_code", "code_verifier"},
    "refresh_token": {"grant_type", "client_id", "refresh_token"},
}


@dataclass(frozen=True)
class Said:
    """A scripted answer: JSON, or text of some other kind."""

    status: int = 200
    body: Any = None
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        body = self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)
        return web.Response(status=self.status, body=body, headers={"content-type": self.kind, **self.headers})


def html(status: int) -> Said:
    return Said(status, PAGE, "text/html; charset=utf-8")


def error(status: int, code: str, **more: Any) -> Said:
    return Said(status, {"error": code, **more})


@dataclass
class Family:
    """One login: its current refresh token and access tokens; revoked for good when an old one comes back."""

    refresh: str = ""
    access: set[str] = field(default_factory=set)
    revoked: bool = False


type Gate = Callable[[str], Awaitable[None]]


@dataclass
class OAuthServer:
    """*lifetime*: `expires_in` of what it gives.  Scripted answers come first, in order."""

    lifetime: float = 3600.0
    interval: float | None = 0.01
    rotates: bool = True
    resource_url: str | None = "portal.qwen.ai"
    pending: int = 0
    """Polls that are answered with `authorization_pending` before the user confirms."""
    script: list[Said] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Grant, form and headers of each request."""
    complaints: list[str] = field(default_factory=list)
    """What a strict server would not have taken."""
    before: Gate | None = None
    """Awaited before a request is acted upon; is told the grant."""
    after: Gate | None = None
    """Awaited between acting and answering."""
    port: int = 0
    runner: web.AppRunner | None = None
    families: dict[str, Family] = field(default_factory=dict)
    issued: int = 0
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def listen(self, at: socket.socket | None = None) -> None:
        """On its port, or a free one, or *at* a socket."""
        assert self.runner is not None
        site = web.TCPSite(self.runner, "127.0.0.1", self.port) if at is None else web.SockSite(self.runner, at)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def go_down(self) -> None:
        """Listen no longer."""
        assert self.runner is not None
        for site in list(self.runner.sites):
            await site.stop()

    @property
    def server(self) -> Server:
        return Server(self.url, "client-1", "openid model")

    @property
    def refreshes(self) -> int:
        return sum(grant == "refresh_token" for grant, *_ in self.asked)

    def login(self) -> dict[str, Any]:
        """A new login, as its token answer."""
        return self._issue(Family())

    def accepts(self, access: str) -> bool:
        """Whether the API would take this access token."""
        return any(access in family.access and not family.revoked for family in self.families.values())

    def revoke(self) -> None:
        """End every login there is."""
        for family in self.families.values():
            family.revoked = True

    async def device(self, request: web.Request) -> web.Response:
        form = await self._form(request, "device")
        if self.before is not None:
            await self.before("device")
        if self.script:
            return self.script.pop(0).response()
        code = f"device-{len(self.asked)}"
        self.codes[code] = form.get("code_challenge", "")
        answer = {
            "device_code": code,
            "user_code": f"CODE-{len(self.codes)}",
            "verification_uri": f"{self.url}/authorize",
            "verification_uri_complete": f"{self.url}/authorize?user_code=CODE-{len(self.codes)}",
            "expires_in": 900,
        }
        return Said(200, answer | ({} if self.interval is None else {"interval": self.interval})).response()

    async def token(self, request: web.Request) -> web.Response:
        grant = str((await request.post()).get("grant_type"))
        form = await self._form(request, grant)
        if self.before is not None:
            await self.before(grant)
        said = self.script.pop(0) if self.script else self._grant(grant, form)
        if self.after is not None:
            await self.after(grant)
        return said.response()

    def _grant(self, grant: str, form: Mapping[str, str]) -> Said:
        if grant == DEVICE_GRANT:
            return self._poll(form)
        if grant == "refresh_token":
            return self._refresh(form["refresh_token"])
        return error(400, "unsupported_grant_type")

    def _poll(self, form: Mapping[str, str]) -> Said:
        verifier = form["code_verifier"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not 43 <= len(verifier) <= 128 or self.codes.get(form["device_code"]) != challenge:
            return error(400, "invalid_grant", error_description="verifier or device code")
        if self.pending:
            self.pending -= 1
            return error(400, "authorization_pending")
        del self.codes[form["device_code"]]
        return Said(200, self.login())

    def _refresh(self, refresh: str) -> Said:
        family = self.families.get(refresh)
        if family is None or family.revoked:
            return dead()
        if family.refresh != refresh:
            family.revoked = True
            return dead()
        return Said(200, self._issue(family))

    def _issue(self, family: Family) -> dict[str, Any]:
        self.issued += 1
        access = f"at-{self.issued}"
        if self.rotates or not family.refresh:
            family.refresh = f"rt-{self.issued}"
        family.access.add(access)
        self.families[family.refresh] = family
        answer = {
            "status": "success",
            "access_token": access,
            "refresh_token": family.refresh,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        }
        return answer | ({} if self.resource_url is None else {"resource_url": self.resource_url})

    async def _form(self, request: web.Request, grant: str) -> dict[str, str]:
        form = {name: str(value) for name, value in (await request.post()).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((grant, form, headers))
        if set(form) != REQUIRED.get(grant):
            self.complaints.append(f"{grant}: {sorted(form)}")
        if not headers.get("user-agent", "").startswith("qwenproxy/"):
            self.complaints.append(f"user-agent {headers.get('user-agent')}")
        if headers.get("accept") != "application/json" or len(headers.get("x-request-id", "")) != 36:
            self.complaints.append("accept, x-request-id")
        if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            self.complaints.append(f"content-type {headers.get('content-type')}")
        return form


def dead() -> Said:
    return error(400, "invalid_request", error_description="Invalid refresh token or client_id")


@asynccontextmanager
async def oauth_server(at: socket.socket | None = None, **settings: Any) -> AsyncIterator[OAuthServer]:
    """A server that is up, on a free port or *at* a socket.  At the end nobody may have asked it for anything wrong."""
    found = OAuthServer(**settings)
    app = web.Application()
    app.router.add_post("/api/v1/oauth2/device/code", found.device)
    app.router.add_post("/api/v1/oauth2/token", found.token)
    found.runner = runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await found.listen(at)
    try:
        yield found
    finally:
        await runner.cleanup()
    assert found.complaints == []


async def forever(grant: str) -> None:
    """A gate that stays shut."""
    await asyncio.Event().wait()
