"""The OAuth server's addresses and answers."""

from typing import Any

import pytest

from qwenproxy.wire import oauth
from qwenproxy.wire.oauth import DeviceAnswer, Server, TokenAnswer, error_code, error_text

DEVICE = {"device_code": "dc-secret", "user_code": "AB-12", "verification_uri": "https://chat.qwen.ai/authorize"}


def test_the_server_is_qwens_own_unless_another_is_named() -> None:
    server = Server()
    assert server.device_url == "https://chat.qwen.ai/api/v1/oauth2/device/code"
    assert server.token_url == "https://chat.qwen.ai/api/v1/oauth2/token"
    assert (server.host, server.is_local) == ("chat.qwen.ai", False)
    assert server.client_id == "f0304373b74a44d2b584a3fb70ca9e56"
    assert server.scope == "openid profile email model.completion"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:9/", "http://127.0.0.1:9/api/v1/oauth2"])
def test_its_path_may_be_named_or_not(url: str) -> None:
    server = Server(url)
    assert server.token_url == "http://127.0.0.1:9/api/v1/oauth2/token"
    assert server.is_local


@pytest.mark.parametrize("url", ["https://127.0.0.1:9", "http://oauth.example"])
def test_local_is_plain_http_on_this_machine(url: str) -> None:
    assert not Server(url).is_local


TOKENS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("all", {"expires_in": 21600, "resource_url": "portal.qwen.ai", "refresh_token": "r"}, {"expires_in": 21600.0}),
    ("a number as text", {"expires_in": "60"}, {"expires_in": 60.0}),
    ("no lifetime", {}, {"expires_in": None, "refresh_token": None, "resource_url": None}),
    ("a lifetime that is none", {"expires_in": 0}, {"expires_in": None}),
    ("one that is beyond all", {"expires_in": 1e300}, {"expires_in": None}),
    ("wrong types", {"refresh_token": 1, "resource_url": [], "token_type": {}}, {"refresh_token": None}),
    ("a resource for the terminal", {"resource_url": "\x1b[2J"}, {"resource_url": None}),
    ("unknown fields", {"endpoint": "x", "scope": "openid"}, {}),
]


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_what_else_is_wrong_never_costs_the_token(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    found = oauth.read(TokenAnswer, {"access_token": "a"} | answer)
    assert found.access_token == "a"
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("access", [None, "", 1, "a b", "a\r\nx: y", "ä"])
def test_a_token_must_fit_into_a_header(access: object) -> None:
    with pytest.raises(ValueError, match=r"^unusable: access_token$"):
        oauth.read(TokenAnswer, {"access_token": access})


@pytest.mark.parametrize(
    ("more", "expires_in", "interval"),
    [
        ({"expires_in": 900, "interval": 5}, 900.0, 5.0),
        ({"interval": "7"}, None, 7.0),
        ({}, None, None),
        ({"expires_in": -1, "interval": 0}, None, None),
        ({"expires_in": None, "interval": "soon"}, None, None),
    ],
)
def test_times_of_the_device_answer_are_optional(
    more: dict[str, Any], expires_in: float | None, interval: float | None
) -> None:
    found = oauth.read(DeviceAnswer, DEVICE | more)
    assert (found.expires_in, found.interval) == (expires_in, interval)


@pytest.mark.parametrize("name", ["device_code", "user_code", "verification_uri"])
@pytest.mark.parametrize("value", [None, "", 5])
def test_a_device_answer_needs_code_and_link(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^unusable: {name}$"):
        oauth.read(DeviceAnswer, DEVICE | {name: value})


def test_what_is_shown_holds_nothing_that_a_terminal_obeys() -> None:
    with pytest.raises(ValueError, match="user_code"):
        oauth.read(DeviceAnswer, DEVICE | {"user_code": "AB\x1b]0;x\x07"})


def test_no_secret_is_shown() -> None:
    token = oauth.read(TokenAnswer, {"access_token": "s3cret", "refresh_token": "s3cret", "id_token": "s3cret"})
    device = oauth.read(DeviceAnswer, DEVICE)
    with pytest.raises(ValueError) as wrong:
        oauth.read(TokenAnswer, {"access_token": "s3cret s3cret"})
    assert "cret" not in f"{token!r} {token} {device!r} {wrong.value}"


ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"error": "slow_down", "error_description": "wait"}, "slow_down", "wait"),
    ({"error": "slow_down"}, "slow_down", "slow_down"),
    ({"error": {"code": "invalid_api_key", "message": "wrong key"}}, "invalid_api_key", "wrong key"),
    ({"error": {"type": "invalid"}}, "invalid", "invalid"),
    ({"error": {}}, "error", "error"),
    ({"error": 5}, "error", "error"),
    ({"code": "Throttling", "message": "too fast"}, "", "too fast"),
    ({"status": "pending"}, "", "no reason given"),
    ({"error": None}, "", "no reason given"),
    ({"error": "x", "error_description": "two\nlines\x1b[2J"}, "x", "two lines[2J"),
]


@pytest.mark.parametrize(("answer", "code", "text"), ERRORS)
def test_an_error_has_a_code_and_a_line_of_text(answer: dict[str, Any], code: str, text: str) -> None:
    assert (error_code(answer), error_text(answer)) == (code, text)


def test_a_text_without_end_is_cut() -> None:
    assert len(error_text({"error": "x", "error_description": "y" * 5000})) == 300
