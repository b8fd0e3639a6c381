"""What the simulated OAuth server decides, rule by rule; time is told."""

from collections.abc import Callable
from typing import Any

import pytest

from qwenproxy.simulator.grants import KEPT, Code, Form, Grants, Rejected, Terms, challenge
from tests.support.oauth_forms import DEVICE, poll, refresh

NOW = 1_790_000_000.0


def begun(**terms: Any) -> tuple[Grants, Code]:
    """A server, and an attempt to sign in that has begun just now."""
    grants = Grants(Terms(**terms))
    return grants, grants.begin(DEVICE, NOW)


def signed_in(**terms: Any) -> tuple[Grants, dict[str, Any]]:
    """A server, and the token of a login from just now."""
    grants, code = begun(**terms)
    code.decide("authorised", NOW)
    return grants, grants.poll(poll(code.device_code), NOW)


def refused(grants: Grants, form: Form, now: float = NOW) -> tuple[int, str]:
    """Status and error of the rejection that *form* gets."""
    asks: dict[str, Callable[[Form, float], object]] = {"refresh_token": grants.refresh, "": grants.begin}
    ask = asks.get(form.get("grant_type", ""), grants.poll)
    with pytest.raises(Rejected) as caught:
        ask(form, now)
    return caught.value.status, caught.value.body["error"]


def test_the_challenge_is_the_rfcs() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_id": ""}, 400, "invalid_request"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"code_challenge": ""}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
        ({"code_challenge": "=" * 43}, 400, "invalid_request"),
        ({"code_challenge_method": ""}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"scope": "openid admin"}, 400, "invalid_scope"),
    ],
    ids=str,
)
def test_a_wrong_device_request_is_refused(change: Form, status: int, error: str) -> None:
    assert refused(Grants(Terms()), DEVICE | change) == (status, error)


@pytest.mark.parametrize("scope", ["openid", "", "model.completion openid"])
def test_a_scope_may_be_smaller_or_missing(scope: str) -> None:
    assert Grants(Terms()).begin(DEVICE | {"scope": scope}, NOW).scope in (scope, DEVICE["scope"])


def test_codes_are_easy_to_type_and_hard_to_guess() -> None:
    grants = Grants(Terms())
    codes = [grants.begin(DEVICE, NOW) for _ in range(50)]
    assert len({code.user_code for code in codes}) == len({code.device_code for code in codes}) == 50
    assert all(len(code.user_code) == 9 and code.user_code[4] == "-" for code in codes)
    assert not set("".join(code.user_code for code in codes)) & set("AEIOU01")


@pytest.mark.parametrize("written", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_a_code_is_found_however_it_is_typed(written: Any) -> None:
    grants, code = begun()
    assert grants.code(written(code.user_code), NOW) is code
    assert grants.code("", NOW) is None


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"device_code": ""}, 400, "invalid_request"),
        ({"device_code": "dc_unknown"}, 401, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_request"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": "v"}, 400, "invalid_grant"),
        ({}, 400, "authorization_pending"),
    ],
    ids=str,
)
def test_a_poll_gets_no_token_too_soon_or_for_another(change: Form, status: int, error: str) -> None:
    grants, code = begun()
    assert refused(grants, poll(code.device_code) | change) == (status, error)


def test_whoever_has_no_verifier_does_not_learn_how_things_stand() -> None:
    grants, code = begun()
    code.decide("refused", NOW)
    wrong = poll(code.device_code) | {"code_verifier": "w" * 43}
    assert refused(grants, wrong) == (400, "invalid_grant")
    assert refused(grants, wrong, NOW + 1000) == (400, "invalid_grant")


def test_who_polls_at_the_interval_is_told_to_wait() -> None:
    grants, code = begun(interval=5)
    for at in (0, 5, 9.6, 14.6):
        assert refused(grants, poll(code.device_code), NOW + at) == (400, "authorization_pending")


@pytest.mark.parametrize("status", [429, 400])
@pytest.mark.parametrize("interval", [5, None], ids=str)
def test_who_polls_too_fast_is_slowed_down_for_good(status: int, interval: float | None) -> None:
    grants, code = begun(interval=interval, slow_down=status)
    form = poll(code.device_code)
    assert refused(grants, form, NOW) == (400, "authorization_pending")
    assert refused(grants, form, NOW + 2) == (status, "slow_down")
    assert refused(grants, form, NOW + 8) == (status, "slow_down"), "10 s by now"
    assert refused(grants, form, NOW + 20) == (status, "slow_down"), "15 s by now"
    assert refused(grants, form, NOW + 39) == (400, "authorization_pending")


def test_a_confirmed_code_brings_a_token_however_fast() -> None:
    grants, code = begun()
    assert refused(grants, poll(code.device_code)) == (400, "authorization_pending")
    assert code.decide("authorised", NOW)
    answer = grants.poll(poll(code.device_code), NOW + 0.1)
    assert answer["access_token"].startswith("at_")
    assert answer["refresh_token"].startswith("rt_")
    assert (
        answer.items()
        >= {
            "status": "success",
            "token_type": "Bearer",
            "expires_in": 21_600,
            "scope": DEVICE["scope"],
        }.items()
    )


def test_a_code_is_good_for_one_token() -> None:
    grants, code = begun()
    code.decide("authorised", NOW)
    grants.poll(poll(code.device_code), NOW)
    assert refused(grants, poll(code.device_code)) == (401, "invalid_grant")


def test_a_refused_code_says_so() -> None:
    grants, code = begun()
    assert code.decide("refused", NOW)
    assert refused(grants, poll(code.device_code)) == (400, "access_denied")
    assert not code.decide("authorised", NOW), "it is decided"


@pytest.mark.parametrize("state", [None, "authorised"])
def test_a_code_expires(state: Any) -> None:
    grants, code = begun(code_lifetime=60)
    if state:
        code.decide(state, NOW)
    assert refused(grants, poll(code.device_code), NOW + 60) == (400, "expired_token")
    assert not code.decide("authorised", NOW + 60)
    assert grants.pending(NOW + 60) == []


def test_a_code_can_confirm_itself() -> None:
    grants, code = begun(authorise_after=3)
    assert refused(grants, poll(code.device_code), NOW + 2.9) == (400, "authorization_pending")
    assert "access_token" in grants.poll(poll(code.device_code), NOW + 3)


def test_an_expired_code_does_not_confirm_itself() -> None:
    grants, code = begun(authorise_after=3, code_lifetime=2)
    assert refused(grants, poll(code.device_code), NOW + 4) == (400, "expired_token")


def test_an_access_token_lasts_as_long_as_was_said() -> None:
    grants, answer = signed_in(token_lifetime=2.5)
    assert answer["expires_in"] == 2.5
    assert grants.accepts(answer["access_token"], NOW + 2.4)
    assert not grants.accepts(answer["access_token"], NOW + 2.5)
    assert not grants.accepts("at_unknown", NOW)
    assert not grants.accepts(answer["refresh_token"], NOW)


def test_a_refresh_brings_new_tokens_and_leaves_the_old_access_token_be() -> None:
    grants, first = signed_in()
    second = grants.refresh(refresh(first["refresh_token"]), NOW + 10)
    assert second.keys() == first.keys()
    assert {first["access_token"], first["refresh_token"]}.isdisjoint(second.values())
    assert grants.accepts(first["access_token"], NOW + 10)
    assert grants.accepts(second["access_token"], NOW + 21_609)
    assert grants.counts == {"codes": 1, "polls": 1, "logins": 1, "refreshes": 1}


def test_without_rotation_a_refresh_token_can_be_used_again() -> None:
    grants, first = signed_in(rotate=False)
    answers = [grants.refresh(refresh(first["refresh_token"]), NOW) for _ in range(2)]
    assert {answer["refresh_token"] for answer in answers} == {first["refresh_token"]}
    assert len({answer["access_token"] for answer in answers}) == 2
    assert grants.counts["reused"] == 0


def test_a_used_refresh_token_ends_the_whole_login() -> None:
    grants, first = signed_in()
    second = grants.refresh(refresh(first["refresh_token"]), NOW)
    dead = (400, "invalid_request")
    assert refused(grants, refresh(first["refresh_token"])) == dead
    assert refused(grants, refresh(second["refresh_token"])) == dead
    assert not grants.accepts(second["access_token"], NOW)
    assert grants.counts["reused"] == 1


def test_it_ends_no_other_login() -> None:
    grants, first = signed_in()
    code = grants.begin(DEVICE, NOW)
    code.decide("authorised", NOW)
    other = grants.poll(poll(code.device_code), NOW)
    grants.refresh(refresh(first["refresh_token"]), NOW)
    refused(grants, refresh(first["refresh_token"]))
    assert grants.accepts(other["access_token"], NOW)
    assert "access_token" in grants.refresh(refresh(other["refresh_token"]), NOW)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"refresh_token": "rt_unknown"}, "Invalid refresh token or client_id"),
        ({"client_id": "another"}, "Invalid refresh token or client_id"),
        ({"client_id": ""}, "Invalid refresh token or client_id"),
        ({"refresh_token": ""}, "Missing required parameter: refresh_token"),
    ],
    ids=str,
)
def test_a_wrong_refresh_is_refused_and_ends_nothing(change: Form, error: str) -> None:
    grants, first = signed_in()
    with pytest.raises(Rejected) as caught:
        grants.refresh(refresh(first["refresh_token"]) | change, NOW)
    assert (caught.value.status, caught.value.body["error_description"]) == (400, error)
    assert "access_token" in grants.refresh(refresh(first["refresh_token"]), NOW)


def test_revoking_ends_every_login() -> None:
    grants, first = signed_in()
    grants.revoke()
    assert not grants.accepts(first["access_token"], NOW)
    assert refused(grants, refresh(first["refresh_token"])) == (400, "invalid_request")


def test_terms_change_while_it_runs() -> None:
    grants, first = signed_in()
    grants.terms.token_lifetime = 5
    assert grants.refresh(refresh(first["refresh_token"]), NOW)["expires_in"] == 5


def test_what_it_remembers_is_bounded() -> None:
    grants = Grants(Terms())
    first = grants.begin(DEVICE, NOW)
    for _ in range(KEPT):
        grants.begin(DEVICE, NOW)
    assert len(grants.pending(NOW)) == KEPT
    assert grants.code(first.user_code, NOW) is None
