"""The simulated OAuth server over HTTP: what it takes, what it answers, what it remembers, and its oddities."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from qwenproxy.simulator.doors import COMPATIBLE, PORTAL
from qwenproxy.simulator.grants import Form, Terms
from qwenproxy.simulator.oauth import CALLS_KEPT, DEVICE_PATH, TOKEN_PATH, OAuth
from qwenproxy.simulator.server import Simulator
from tests.support.clock import Clock
from tests.support.oauth_forms import DEVICE, poll, refresh
from tests.support.simulated import MODEL

SYSTEM = {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}
HELLO = {
    "model": MODEL,
    "messages": [{"role": "system", "content": [SYSTEM]}, {"role": "user", "content": "Hello"}],
}
"""As the portal wants it."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass
class Visitor:
    """A client of the server, and the server with its clock."""

    session: aiohttp.ClientSession
    simulator: Simulator
    clock: Clock

    @property
    def oauth(self) -> OAuth:
        return self.simulator.oauth

    async def post(self, path: str, form: Form | bytes | None = None, **more: Any) -> Answer:
        async with self.session.post(self.simulator.base_url + path, data=form, **more) as response:
            return Answer(response.status, response.headers, await response.text())

    async def begin(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.post(DEVICE_PATH, DEVICE)).json
        return answer

    async def sign_in(self) -> dict[str, Any]:
        started = await self.begin()
        self.oauth.decide(authorise=True)
        answer: dict[str, Any] = (await self.post(TOKEN_PATH, poll(started["device_code"]))).json
        return answer

    async def chat(self, token: str, base: str = PORTAL) -> Answer:
        return await self.post(f"{base}/chat/completions", json=HELLO, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    clock = Clock()
    simulator = Simulator(pace=0)
    simulator.oauth = OAuth(Terms(), clock.now)
    await simulator.start()
    async with aiohttp.ClientSession() as session:
        yield Visitor(session, simulator, clock)
    await simulator.stop()


async def test_a_device_request_is_answered_as_qwen_does(visitor: Visitor) -> None:
    answer = await visitor.post(DEVICE_PATH, DEVICE)
    base_url, code = visitor.simulator.base_url, answer.json["user_code"]
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "device_code": answer.json["device_code"],
        "user_code": code,
        "verification_uri": f"{base_url}/authorize",
        "verification_uri_complete": f"{base_url}/authorize?user_code={code}&client=qwen-code",
        "expires_in": 900,
        "interval": 5,
    }


async def test_an_interval_need_not_be_named(visitor: Visitor) -> None:
    visitor.oauth.terms.interval = None
    assert "interval" not in await visitor.begin()


async def test_the_whole_way_to_a_token_and_on_to_the_next(visitor: Visitor) -> None:
    started = await visitor.begin()
    form = poll(started["device_code"])
    for expected in ((400, "authorization_pending"), (429, "slow_down")):
        answer = await visitor.post(TOKEN_PATH, form)
        assert (answer.status, answer.json["error"]) == expected
    visitor.oauth.decide(authorise=True)
    token = (await visitor.post(TOKEN_PATH, form)).json
    assert token["resource_url"] == visitor.simulator.base_url
    again = await visitor.post(TOKEN_PATH, form)
    assert again.status == 401
    renewed = (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).json
    assert renewed.keys() == token.keys()
    assert visitor.oauth.counts == {"codes": 1, "polls": 4, "logins": 1, "refreshes": 1}


@pytest.mark.parametrize("path", [DEVICE_PATH, TOKEN_PATH])
async def test_only_forms_are_taken(visitor: Visitor, path: str) -> None:
    answer = await visitor.post(path, json=DEVICE)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert answer.json["error_description"] == "Content-Type must be application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"client_id=a&client_id=b", "Repeated parameter"),
        (b"&".join(b"f%d=" % number for number in range(30)), "Malformed form"),
        (b"\xff", "Malformed form"),
        (b"", "Missing required parameter: client_id"),
    ],
)
async def test_a_broken_form_is_refused(visitor: Visitor, body: bytes, error: str) -> None:
    answer = await visitor.post(DEVICE_PATH, body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.json["error_description"]) == (400, error)


@pytest.mark.parametrize(
    ("form", "error"),
    [({"grant_type": "password"}, "unsupported_grant_type"), ({"client_id": "x"}, "invalid_request")],
)
async def test_there_are_two_grants(visitor: Visitor, form: Form, error: str) -> None:
    answer = await visitor.post(TOKEN_PATH, form)
    assert (answer.status, answer.json["error"]) == (400, error)


async def test_nobody_gets_past_the_firewall_without_a_user_agent(visitor: Visitor) -> None:
    answer = await visitor.post(DEVICE_PATH, DEVICE, headers={"User-Agent": ""})
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert visitor.oauth.counts["codes"] == 0


async def test_a_get_finds_nothing(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.simulator.base_url + TOKEN_PATH) as response:
        assert response.status == 404


async def test_an_access_token_opens_the_portal_while_it_lasts(visitor: Visitor) -> None:
    visitor.oauth.terms.token_lifetime = 60
    token = (await visitor.sign_in())["access_token"]
    assert (await visitor.chat(token)).status == 200
    visitor.clock.at += 60
    answer = await visitor.chat(token)
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")
    assert answer.json["error"]["message"] == "invalid access token or token expired"


async def test_it_opens_nothing_else(visitor: Visitor) -> None:
    token = (await visitor.sign_in())["access_token"]
    assert (await visitor.chat(token, COMPATIBLE)).status == 401
    assert (await visitor.chat(visitor.simulator.key)).status == 200, "the key still does"


async def test_a_revoked_login_opens_nothing(visitor: Visitor) -> None:
    token = await visitor.sign_in()
    visitor.oauth.grants.revoke()
    assert (await visitor.chat(token["access_token"])).status == 401
    assert (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).status == 400


@pytest.mark.parametrize(
    ("inference", "status", "code"),
    [("expired_token", 401, "invalid_api_key"), ("free_quota", 429, "insufficient_quota")],
)
async def test_the_ended_free_tier_signs_in_and_renews_but_does_not_answer(
    visitor: Visitor, inference: str, status: int, code: str
) -> None:
    visitor.oauth.terms.inference = inference
    token = await visitor.sign_in()
    token = (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).json
    answer = await visitor.chat(token["access_token"])
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert (await visitor.chat(visitor.simulator.key)).status == 200


async def test_oddities_hold_for_as_many_calls_as_asked(visitor: Visitor) -> None:
    visitor.oauth.be("firewall 200", times=2)
    visitor.oauth.be("error", at="refresh")
    pages = [await visitor.post(DEVICE_PATH, DEVICE) for _ in range(2)]
    assert [(page.status, page.headers["content-type"].partition(";")[0]) for page in pages] == [(200, "text/html")] * 2
    assert visitor.oauth.counts["codes"] == 0
    token = await visitor.sign_in()
    assert (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).status == 500
    assert (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).status == 200


@pytest.mark.parametrize("missing", ["refresh-token", "resource-url", "expires-in"])
async def test_a_token_may_come_incomplete(visitor: Visitor, missing: str) -> None:
    first = await visitor.sign_in()
    visitor.oauth.be(f"no-{missing}")
    second = (await visitor.post(TOKEN_PATH, refresh(first["refresh_token"]))).json
    assert first.keys() - second.keys() == {missing.replace("-", "_")}
    good = second.get("refresh_token", first["refresh_token"])
    assert (await visitor.post(TOKEN_PATH, refresh(good))).status == 200


async def test_a_lost_answer_has_rotated_the_token(visitor: Visitor) -> None:
    token = await visitor.sign_in()
    visitor.oauth.be("lost")
    with pytest.raises(aiohttp.ClientError):
        await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))
    assert visitor.oauth.counts["refreshes"] == 1
    assert (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).status == 400
    assert visitor.oauth.counts["reused"] == 1


async def test_a_disconnect_has_not(visitor: Visitor) -> None:
    token = await visitor.sign_in()
    visitor.oauth.be("disconnect")
    with pytest.raises(aiohttp.ClientError):
        await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))
    assert (await visitor.post(TOKEN_PATH, refresh(token["refresh_token"]))).status == 200


async def test_refreshes_at_the_same_time_are_noticed(visitor: Visitor) -> None:
    token = await visitor.sign_in()
    visitor.oauth.terms.rotate = False
    visitor.oauth.be("slow 0.05", times=None)
    form = refresh(token["refresh_token"])
    answers = await asyncio.gather(*(visitor.post(TOKEN_PATH, form) for _ in range(3)))
    assert [answer.status for answer in answers] == [200] * 3
    assert visitor.oauth.most_at_once == 3


async def test_calls_are_remembered_as_they_came(visitor: Visitor) -> None:
    visitor.oauth.be("disconnect", at="poll")
    started = await visitor.begin()
    with pytest.raises(aiohttp.ClientError):
        await visitor.post(TOKEN_PATH, poll(started["device_code"]))
    await visitor.post(TOKEN_PATH, refresh("rt_unknown"), headers={"User-Agent": "me"})
    await visitor.post(TOKEN_PATH, {"grant_type": "password"})
    assert [(call.kind, call.status) for call in visitor.oauth.calls] == [
        ("device", 200),
        ("poll", 0),
        ("refresh", 400),
        ("token", 400),
    ]
    assert visitor.oauth.calls[2].form == refresh("rt_unknown")
    assert visitor.oauth.calls[2].headers["user-agent"] == "me"


async def test_not_all_of_them_for_ever(visitor: Visitor) -> None:
    for _ in range(CALLS_KEPT + 5):
        await visitor.post(TOKEN_PATH, {"grant_type": "password"})
    assert len(visitor.oauth.calls) == CALLS_KEPT


async def test_a_login_can_be_refused_without_a_click(visitor: Visitor) -> None:
    started = await visitor.begin()
    visitor.oauth.decide(authorise=False)
    answer = await visitor.post(TOKEN_PATH, poll(started["device_code"]))
    assert (answer.status, answer.json["error"]) == (400, "access_denied")


async def test_terms_are_given_with_the_simulator() -> None:
    assert Simulator(terms=Terms(token_lifetime=7)).oauth.terms.token_lifetime == 7
