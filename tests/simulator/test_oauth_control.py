"""How the OAuth server is told to behave."""

from collections.abc import Callable
from typing import Any

import pytest

from qwenproxy.simulator import oauth_control
from qwenproxy.simulator.grants import Grants, Terms
from qwenproxy.simulator.oauth_oddities import Plan
from tests.support.oauth_forms import DEVICE, poll

NOW = 1_790_000_000.0

type Tell = Callable[..., None]


@pytest.fixture
def grants() -> Grants:
    return Grants(Terms())


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
def tell(grants: Grants, plan: Plan) -> Tell:
    def tell(**wishes: str) -> None:
        oauth_control.carry_out(wishes, grants, plan, NOW)

    return tell


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("token_lifetime", "2.5", 2.5),
        ("code_lifetime", "60", 60.0),
        ("interval", "1", 1.0),
        ("interval", "", None),
        ("slow_down", "400", 400),
        ("rotate", "false", False),
        ("rotate", "ON", True),
        ("authorise_after", "0", 0.0),
        ("authorise_after", "", None),
        ("inference", "free_quota", "free_quota"),
        ("inference", "", ""),
    ],
)
def test_every_term_can_be_set(grants: Grants, tell: Tell, name: str, text: str, value: Any) -> None:
    tell(**{name: text})
    assert getattr(grants.terms, name) == value
    assert oauth_control.shown(grants.terms)[name] in (text, str(value).lower())


def test_every_term_is_shown_as_it_is_set(grants: Grants, tell: Tell) -> None:
    shown = oauth_control.shown(grants.terms)
    assert shown == {
        "token_lifetime": "21600",
        "code_lifetime": "900",
        "interval": "5",
        "slow_down": "429",
        "rotate": "true",
        "authorise_after": "",
        "inference": "",
    }
    tell(**shown)
    assert grants.terms == Terms()


def test_an_oddity_is_planned(tell: Tell, plan: Plan) -> None:
    tell(oddity="firewall", argument="503", times="3", at="poll")
    tell(oddity="slow 2", times="always")
    tell(oddity="error")
    assert [oauth_control.said(row) for row in plan] == ["firewall 503, 3 × at poll", "slow 2, always", "error, 1 ×"]
    tell(clear="1")
    assert list(plan) == []


def test_a_code_is_confirmed_or_refused(grants: Grants, tell: Tell) -> None:
    first, second = grants.begin(DEVICE, NOW), grants.begin(DEVICE, NOW)
    tell(authorise=first.user_code, refuse=second.user_code.lower())
    assert (first.state, second.state) == ("authorised", "refused")


def test_every_login_is_ended(grants: Grants, tell: Tell) -> None:
    code = grants.begin(DEVICE, NOW)
    code.decide("authorised", NOW)
    token = grants.poll(poll(code.device_code), NOW)
    tell(revoke="1")
    assert not grants.accepts(token["access_token"], NOW)


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"weather": "rain"}, "unknown: weather; there are: oddity"),
        ({"token_lifetime": "long"}, "long"),
        ({"token_lifetime": "-1"}, "'-1' are no seconds"),
        ({"interval": "nan"}, "'nan' are no seconds"),
        ({"slow_down": "500"}, "429 or 400"),
        ({"rotate": "maybe"}, "expected true or false"),
        ({"inference": "rain"}, "no error is called 'rain'"),
        ({"oddity": "rain"}, "no oddity is called 'rain'"),
        ({"oddity": "error", "times": "0"}, "from 1 on"),
        ({"authorise": "BBBB-BBBB"}, "no sign-in waits with the code BBBB-BBBB"),
        ({"token_lifetime": "5", "oddity": "rain"}, "no oddity"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_not_done(
    tell: Tell, grants: Grants, plan: Plan, wishes: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        tell(**wishes)
    assert grants.terms == Terms()
    assert list(plan) == []


def test_the_state_is_told_to_programs(grants: Grants, tell: Tell, plan: Plan) -> None:
    grants.begin(DEVICE, NOW)
    tell(oddity="pending")
    state = oauth_control.state(grants, plan)
    assert state["counts"] == {"codes": 1}
    assert state["planned"] == ["pending, 1 ×"]
    assert state["terms"] == oauth_control.shown(grants.terms)
