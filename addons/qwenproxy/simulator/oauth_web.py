"""What people open in a browser: the page that confirms a sign-in, and the one that makes the OAuth server odd."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from qwenproxy.simulator import oauth_control, pages
from qwenproxy.simulator.grants import CLIENT_ID, Code
from qwenproxy.simulator.oauth import OAuth, read_form
from qwenproxy.simulator.oauth_oddities import ODDITIES

AUTHORIZE, CONTROL = "/authorize", "/simulator/oauth"


class Pages:
    """The pages of one OAuth server."""

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(AUTHORIZE, self._show),
            web.post(AUTHORIZE, self._decide),
            web.get(CONTROL, self._look),
            web.post(CONTROL, self._control),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        """Asks for the code, asks whether to confirm it, or tells what became of it."""
        user_code = request.query.get("user_code", "")
        if not user_code:
            return html(pages.ask_code())
        code = self._code(user_code)
        if code is None:
            return html(pages.ask_code("There is no such code."), 404)
        now = self._oauth.now()
        if code.state != "pending" or code.is_expired(now):
            return html(pages.outcome("expired" if code.is_expired(now) else code.state))
        left = code.expires - now
        return html(pages.confirm(pages.Attempt(code.user_code, code.ticket, CLIENT_ID, code.scope, left)))

    async def _decide(self, request: web.Request) -> web.Response:
        """Takes the answer of who has read the page, and shows what came of it."""
        form, _ = await read_form(request)
        code = self._code(form.get("user_code", ""))
        if code is None or not is_own(request) or form.get("ticket") != code.ticket:
            return html(pages.forbidden(), 403)
        answer = form.get("answer")
        if answer == "authorise":
            code.decide("authorised", self._oauth.now())
        elif answer == "refuse":
            code.decide("refused", self._oauth.now())
        return see_other(f"{AUTHORIZE}?user_code={code.user_code}")

    async def _look(self, request: web.Request) -> web.Response:
        if not is_near(request):
            return html(pages.forbidden(), 403)
        return self._state(request)

    async def _control(self, request: web.Request) -> web.Response:
        """Does what the query and the form say."""
        if not is_near(request) or not is_own(request):
            return html(pages.forbidden(), 403)
        form, _ = await read_form(request)
        wishes = {name: value.strip() for name, value in (dict(request.query) | form).items()}
        try:
            oauth_control.carry_out(wishes, self._oauth.grants, self._oauth.plan, self._oauth.now())
        except ValueError as error:
            return self._state(request, str(error))
        return see_other(CONTROL) if wants_html(request) else self._state(request)

    def _state(self, request: web.Request, complaint: str = "") -> web.Response:
        status = 400 if complaint else 200
        grants, plan = self._oauth.grants, self._oauth.plan
        if not wants_html(request):
            state = oauth_control.state(grants, plan) | ({"error": complaint} if complaint else {})
            return web.json_response(state, status=status)
        oddities = {f"{name} {row.argument}".strip(): row.does for name, row in ODDITIES.items()}
        rows = [oauth_control.said(row) for row in plan]
        shown = pages.Oddities(oddities, rows, oauth_control.shown(grants.terms), grants.counts)
        return html(pages.control(shown, complaint), status)

    def _code(self, user_code: str) -> Code | None:
        return self._oauth.grants.code(user_code, self._oauth.now())


def html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=pages.HEADERS)


def see_other(path: str) -> web.Response:
    return web.Response(status=303, headers={"location": path})


def wants_html(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def is_own(request: web.Request) -> bool:
    """Whether no other page has sent it: by its Origin, which browsers send with every form, and by the Host."""
    origin = request.headers.get("Origin")
    return is_unfeigned(request.host) and (origin is None or urlsplit(origin).netloc == request.host)


def is_near(request: web.Request) -> bool:
    """Whether it comes from this machine."""
    remote = (request.remote or "0.0.0.0").partition("%")[0]
    return is_unfeigned(request.host) and ip_address(remote).is_loopback


def is_unfeigned(host: str) -> bool:
    """Whether *host* is one that no foreign page can have made to point here: an address, or a name without a dot."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(".localhost")
    return True
