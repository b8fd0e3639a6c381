"""Google's form of a refusal."""

import pytest

from qwenproxy.simulator.contents.protojson import Fault
from qwenproxy.simulator.contents.refusals import BAD_KEY, MOST_FAULTS, STATUSES, error, unreadable
from qwenproxy.simulator.refusals import REFUSALS, invalid, refusal_of
from qwenproxy.wire.openai import Json


def told(name: str) -> Json:
    refused: Json = error(refusal_of(name), "1")["error"]
    return refused


@pytest.mark.parametrize(
    ("name", "status", "word"),
    [
        ("invalid_parameter_error", 400, "INVALID_ARGUMENT"),
        ("invalid_api_key", 401, "UNAUTHENTICATED"),
        ("access_denied", 403, "PERMISSION_DENIED"),
        ("model_not_found", 404, "NOT_FOUND"),
        ("limit_requests", 429, "RESOURCE_EXHAUSTED"),
        ("internal_error", 500, "INTERNAL"),
        ("model_unavailable", 503, "UNAVAILABLE"),
        ("stream_timeout", 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_the_status_has_its_word(name: str, status: int, word: str) -> None:
    refused = told(name)
    assert (refused["code"], refused["status"], refused["message"]) == (status, word, REFUSALS[name].message)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
def test_every_refusal_has_a_word(refusal: object) -> None:
    assert getattr(refusal, "status", 0) in {200, *STATUSES}


def test_plain_refusals_have_no_details() -> None:
    assert error(invalid("no"), "1") == {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}


def test_the_time_to_wait_is_a_detail() -> None:
    assert told("limit_requests 7")["details"] == [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "limit_requests"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
    ]


def test_a_wrong_key_is_an_invalid_argument() -> None:
    refused = error(BAD_KEY, "1")["error"]
    assert (refused["code"], refused["details"][0]["reason"]) == (400, "API_KEY_INVALID")


def test_faults_are_named_one_by_one() -> None:
    refused = error(unreadable([Fault("", "one"), Fault("contents[0]", "two")]), "1")["error"]
    assert refused["message"] == "one\ntwo"
    assert refused["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"description": "one"}, {"field": "contents[0]", "description": "two"}],
        }
    ]


def test_many_faults_are_not_all_named() -> None:
    assert len(unreadable([Fault("", "x")] * 1000).message.splitlines()) == MOST_FAULTS
