"""Refusals as the native face words them: its own codes, flat (qwen-wire B.8, native column; C.6)."""

from collections.abc import Mapping

from qwenproxy.simulator.refusals import BAD_KEY, Refusal
from qwenproxy.wire.openai import Json

CODES: Mapping[str | None, str] = {
    None: "InvalidApiKey",
    "": "InvalidParameter",
    "access_denied": "AccessDenied",
    "data_inspection_failed": "DataInspectionFailed",
    "insufficient_quota": "Throttling.AllocationQuota",
    "internal_error": "InternalError",
    "invalid_api_key": "InvalidApiKey",
    "invalid_parameter_error": "InvalidParameter",
    "limit_burst_rate": "Throttling.BurstRate",
    "limit_requests": "Throttling.RateQuota",
    "model_not_found": "ModelNotFound",
    "model_not_supported": "ModelNotFound",
    "quota_exceeded": "Throttling.AllocationQuota",
    "stream_timeout": "RequestTimeOut",
}
"""The OpenAI-like face's code -> this face's; the others are the same on both."""

WORDS: Mapping[str, str] = {BAD_KEY.message: "Invalid API-key provided."}
"""The OpenAI-like face's wording -> this face's, where they differ."""


def error(refusal: Refusal, request_id: str) -> Json:
    """The body of a refusal."""
    message = WORDS.get(refusal.message, refusal.message)
    return {"code": _code(refusal), "message": message, "request_id": request_id}


def _code(refusal: Refusal) -> str:
    if (refusal.status, refusal.code) == (403, "insufficient_quota"):
        return "AllocationQuota.FreeTierOnly"
    return CODES.get(refusal.code, refusal.code or "")
