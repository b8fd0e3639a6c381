"""Refusals in the native face's words."""

import pytest

from qwenproxy.simulator.dashscope.refusals import error
from qwenproxy.simulator.refusals import BAD_KEY, REFUSALS

CODES = {
    "invalid_parameter_error": "InvalidParameter",
    "data_inspection_failed": "DataInspectionFailed",
    "arrearage": "Arrearage",
    "invalid_api_key": "InvalidApiKey",
    "wrong_plan": "InvalidApiKey",
    "access_denied": "AccessDenied",
    "unpurchased": "AccessDenied.Unpurchased",
    "quota_403": "AllocationQuota.FreeTierOnly",
    "model_not_found": "ModelNotFound",
    "limit_requests": "Throttling.RateQuota",
    "limit_burst_rate": "Throttling.BurstRate",
    "limit_tokens": "Throttling.AllocationQuota",
    "internal_error": "InternalError",
    "model_unavailable": "ModelUnavailable",
    "native_429": "Throttling.RateQuota",
}


@pytest.mark.parametrize(("name", "code"), CODES.items(), ids=CODES)
def test_a_refusal_has_the_native_code(name: str, code: str) -> None:
    refusal = REFUSALS[name]
    body = error(refusal, "1")
    assert (body["code"], body["request_id"]) == (code, "1")
    assert name in ("invalid_api_key",) or body["message"] == refusal.message


def test_a_bad_key_is_named_in_the_face_s_own_words() -> None:
    assert error(BAD_KEY, "1")["message"] == "Invalid API-key provided."


@pytest.mark.parametrize("name", REFUSALS)
def test_no_code_is_in_the_words_of_the_other_face(name: str) -> None:
    code = error(REFUSALS[name], "1")["code"]
    assert code
    assert code[0].isupper()
    assert "_" not in code
