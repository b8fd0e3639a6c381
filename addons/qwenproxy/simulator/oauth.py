"""The simulated OAuth server: forms in, JSON out, as chat.qwen.ai does it (Qwen Code's qwenOAuth2.ts)."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from aiohttp import web

from qwenproxy.simulator.grants import Code, Form, Grants, Rejected, Terms, number
from qwenproxy.simulator.oauth_oddities import Plan, firewall, json, planned, rejected
from qwenproxy.simulator.playing import Player
from qwenproxy.simulator.refusals import REFUSALS, Refused
from qwenproxy.simulator.steps import Start, Steps
from qwenproxy.wire.openai import Json

API = "/api/v1/oauth2"
DEVICE_PATH, TOKEN_PATH = f"{API}/device/code", f"{API}/token"
GRANTS: Mapping[str, str] = {
    "urn:ietf:params:oauth:grant-type:device_code": "poll",
    "refresh_token": "refresh",
}
"""What each grant type is called here."""
FORM_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 20
CALLS_KEPT = 200


class Call(NamedTuple):
    """A call as it came, and the status that it got (0: no answer); names of headers in lower case."""

    kind: str
    """device, poll, refresh; token, for one that is neither of these two."""
    form: Form
    headers: Mapping[str, str]
    status: int


class OAuth:
    """One OAuth server.  Tests read `calls` and `counts`, and change `terms`; *clock* gives seconds since 1970."""

    def __init__(self, terms: Terms | None = None, clock: Callable[[], float] = time.time) -> None:
        self.terms = terms or Terms()
        self.grants = Grants(self.terms)
        self.plan = Plan()
        self.calls: list[Call] = []
        self.most_at_once = 0
        """How many refreshes were under way at the same time, at most."""
        self._refreshing = 0
        self._clock = clock

    @property
    def counts(self) -> Mapping[str, int]:
        """How many codes, polls, logins, refreshes, and reused refresh tokens there were."""
        return self.grants.counts

    def now(self) -> float:
        return self._clock()

    def be(self, oddity: str, times: int | None = 1, at: str = "") -> None:
        """Let the next *times* calls, None for all, go as the row of ODDITIES says.  Raises ValueError."""
        self.plan.add(planned(oddity, times, at))

    def decide(self, *, authorise: bool) -> None:
        """Confirm or refuse every sign-in that waits, as if somebody had clicked."""
        for code in self.grants.pending(self.now()):
            code.decide("authorised" if authorise else "refused", self.now())

    def admit(self, access_token: str) -> None:
        """Checks the token of a call to the login's own API.  Raises Refused."""
        if not self.grants.accepts(access_token, self.now()):
            raise Refused(REFUSALS["expired_token"])
        if self.terms.inference:
            raise Refused(REFUSALS[self.terms.inference])

    def routes(self) -> list[web.RouteDef]:
        return [web.post(DEVICE_PATH, self._serve), web.post(TOKEN_PATH, self._serve)]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        form, fault = await read_form(request)
        kind = "device" if request.path == DEVICE_PATH else GRANTS.get(form.get("grant_type", ""), "token")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self._refreshing += kind == "refresh"
        self.most_at_once = max(self.most_at_once, self._refreshing)
        try:
            steps = firewall("403") if not headers.get("user-agent") else self._answer(request.host, kind, form, fault)
            self._record(Call(kind, form, headers, next((s.status for s in steps if isinstance(s, Start)), 0)))
            return await Player(request, 0).play(steps)
        finally:
            self._refreshing -= kind == "refresh"

    def _answer(self, host: str, kind: str, form: Form, fault: str) -> Steps:
        """What the call gets, and what it brings about; *host*: what the caller calls us."""
        oddity, argument = self.plan.take(kind)
        if oddity.instead is not None:
            return oddity.instead(argument)
        try:
            if fault:
                raise Rejected(400, "invalid_request", fault)
            answer = self._decide(f"http://{host}", kind, form, rotate=not oddity.keeps)
            steps = json(200, oddity.change(answer, argument) if oddity.change else answer)
        except Rejected as rejection:
            steps = rejected(rejection)
        return oddity.steps(steps, argument) if oddity.steps else steps

    def _decide(self, base_url: str, kind: str, form: Form, *, rotate: bool) -> Json:
        """Raises Rejected."""
        now = self.now()
        match kind:
            case "device":
                return self._invitation(base_url, self.grants.begin(form, now))
            case "poll":
                return self.grants.poll(form, now) | {"resource_url": base_url}
            case "refresh":
                return self.grants.refresh(form, now, rotate=rotate) | {"resource_url": base_url}
        if form.get("grant_type"):
            raise Rejected(400, "unsupported_grant_type", "Unsupported grant type")
        raise Rejected(400, "invalid_request", "Missing required parameter: grant_type")

    def _invitation(self, base_url: str, code: Code) -> Json:
        page = f"{base_url}/authorize"
        interval = self.terms.interval
        return {
            "device_code": code.device_code,
            "user_code": code.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={code.user_code}&client=qwen-code",
            "expires_in": number(self.terms.code_lifetime),
        } | ({} if interval is None else {"interval": number(interval)})

    def _record(self, call: Call) -> None:
        self.calls.append(call)
        del self.calls[:-CALLS_KEPT]


async def read_form(request: web.Request) -> tuple[Form, str]:
    """The fields of a request's form, and what is wrong with it: "" if nothing is."""
    if request.content_type != FORM_TYPE:
        return {}, f"Content-Type must be {FORM_TYPE}"
    try:
        pairs = parse_qsl((await request.read()).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}, "Malformed form"
    form = dict(pairs)
    return form, "" if len(form) == len(pairs) else "Repeated parameter"
