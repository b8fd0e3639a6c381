"""The token and the file's form of it."""

from typing import Any

import orjson
import pytest

from qwenproxy.auth.token import Token, parse
from qwenproxy.wire.oauth import TokenAnswer

NOW = 1_790_000_000.0
TOKEN = Token("at-1", "rt-1", 1_790_000_100_000, resource_url="portal.qwen.ai")

FILE = b"""{
  "access_token": "at-1",
  "refresh_token": "rt-1",
  "token_type": "Bearer",
  "resource_url": "portal.qwen.ai",
  "expiry_date": 1790000100000
}"""


def answer(**fields: Any) -> TokenAnswer:
    return TokenAnswer.model_validate({"access_token": "at-2", **fields})


def test_the_file_is_qwen_codes_to_the_byte() -> None:
    assert TOKEN.to_file({}) == FILE
    assert parse(FILE) == TOKEN


def test_fields_that_are_not_ours_stay() -> None:
    there = {"access_token": "old", "id_token": "old", "resource_url": "old", "scope": "openid", "x": {"y": [1, None]}}
    found = orjson.loads(Token("a", "r", 1).to_file(there))
    assert found == {
        "access_token": "a",
        "refresh_token": "r",
        "token_type": "Bearer",
        "expiry_date": 1,
        "scope": "openid",
        "x": {"y": [1, None]},
    }


GOOD: list[dict[str, Any]] = [
    {},
    {"expiry_date": 1790000100000.7},
    {"refresh_token": ""},
    {"resource_url": None},
    {"resource_url": ["x"]},
    {"id_token": 5},
    {"more": 1},
]


@pytest.mark.parametrize("change", GOOD, ids=str)
def test_a_file_is_good_with(change: dict[str, Any]) -> None:
    found = parse(orjson.dumps(orjson.loads(FILE) | change))
    assert (found.access_token, found.expiry_date) == ("at-1", 1790000100000)
    assert isinstance(found.resource_url, str)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "token_type", "expiry_date"])
@pytest.mark.parametrize("value", [..., None, True, [], {}])
def test_a_file_is_rejected_without(name: str, value: object) -> None:
    content = orjson.loads(FILE) | {name: value}
    if value is ...:
        del content[name]
    with pytest.raises(ValueError, match=name):
        parse(orjson.dumps(content))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", FILE[:-3], b"\xff\xfe", FILE.replace(b"1790000100000", b'"soon"')]
)
def test_what_is_malformed_is_rejected(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse(data)


@pytest.mark.parametrize("access", ["", "a b", "a\r\nx-evil: 1", "ä", "a\x00"])
def test_a_token_that_no_header_can_carry_is_rejected(access: str) -> None:
    with pytest.raises(ValueError, match="access_token"):
        parse(orjson.dumps(orjson.loads(FILE) | {"access_token": access}))


def test_no_secret_is_shown() -> None:
    token = Token("at-s3cret", "rt-s3cret", 1, id_token="id-s3cret")
    with pytest.raises(ValueError) as wrong:
        parse(b'{"access_token": "at-s3cret", "refresh_token": 5')
    assert "s3cret" not in f"{token!r} {token} {wrong.value!r}"
    assert wrong.value.__suppress_context__, "the decoder's error holds the document"


@pytest.mark.parametrize(
    ("lifetime", "left", "fresh"),
    [
        (None, 31, True),
        (None, 30, False),
        (None, 29, False),
        (None, -5, False),
        (21600, 31, True),
        (21600, 30, False),
        (10, 6, True),
        (10, 5, False),
        (0, 1, True),
        (0, 0, False),
    ],
)
def test_it_counts_as_used_up_half_a_minute_before_its_end(lifetime: float | None, left: float, fresh: bool) -> None:
    token = Token("a", "r", round((NOW + left) * 1000), lifetime=lifetime)
    assert token.is_fresh(NOW) is fresh
    assert token.seconds_left(NOW) == left


@pytest.mark.parametrize(
    ("lifetime", "lead", "jitter", "early"),
    [
        (None, 300, 0, 300),
        (None, 300, 1, 330),
        (21600, 300, 0.5, 315),
        (400, 300, 0, 200),
        (400, 300, 1, 160),
        (4, 300, 0, 2),
        (4, 300, 1, 1.6),
        (21600, 0, 1, 0),
        (0, 300, 0, 0),
    ],
)
def test_it_is_renewed_ahead_of_time(lifetime: float | None, lead: float, jitter: float, early: float) -> None:
    token = Token("a", "r", round(NOW * 1000), lifetime=lifetime)
    assert token.renew_at(lead, jitter) == pytest.approx(NOW - early)


def test_one_that_cannot_be_renewed_is_used_to_its_end() -> None:
    assert Token("a", "", round(NOW * 1000)).renew_at(300, 0) == NOW


def test_a_new_login_takes_what_the_answer_says() -> None:
    full = {"refresh_token": "rt-2", "expires_in": 60, "token_type": "bearer", "resource_url": "x", "id_token": "i"}
    token = Token.issued(answer(**full), NOW)
    assert token == Token("at-2", "rt-2", round((NOW + 60) * 1000), "bearer", "x", "i")
    assert token.lifetime == 60


def test_what_a_new_login_does_not_say_has_a_default() -> None:
    assert Token.issued(answer(), NOW) == Token("at-2", "", round((NOW + 3600) * 1000), "Bearer", "", "")


def test_a_renewed_one_keeps_what_the_answer_leaves_out() -> None:
    old = Token("at-1", "rt-1", 1, resource_url="portal.qwen.ai", id_token="id-1")
    renewed = old.renewed(answer(expires_in=60), NOW)
    assert renewed == Token("at-2", "rt-1", round((NOW + 60) * 1000), "Bearer", "portal.qwen.ai", "id-1")


def test_a_rotated_refresh_token_takes_the_place_of_the_old_one() -> None:
    renewed = TOKEN.renewed(answer(refresh_token="rt-2", resource_url="dashscope.aliyuncs.com"), NOW)
    assert (renewed.refresh_token, renewed.resource_url) == ("rt-2", "dashscope.aliyuncs.com")
