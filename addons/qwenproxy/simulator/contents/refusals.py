"""How this face says no: `{"error": {code, message, status, details}}` (google.rpc.Status and its details).

What the model's own side complains about comes in the same envelope.  The time to wait is a RetryInfo, not a header.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qwenproxy.simulator.contents.protojson import Fault
from qwenproxy.simulator.refusals import INVALID, Refusal
from qwenproxy.wire.openai import Json

TYPE = "type.googleapis.com/google.rpc."

STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""HTTP's status -> the API's word for it."""

MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Detailed(Refusal):
    """A refusal with further details, each with its `@type`."""

    details: tuple[Json, ...] = ()


def error(refusal: Refusal, request_id: str) -> Json:
    """The body of a refusal."""
    details = [*(refusal.details if isinstance(refusal, Detailed) else ()), *_limits(refusal)]
    told: Json = {
        "code": refusal.status,
        "message": refusal.message,
        "status": STATUSES.get(refusal.status, "UNKNOWN"),
    }
    return {"error": told | ({"details": details} if details else {})}


def _limits(refusal: Refusal) -> list[Json]:
    """Which limit it was, and when to come again."""
    quota = [{"@type": f"{TYPE}QuotaFailure", "violations": [{"quotaId": refusal.code}]}]
    retry = [{"@type": f"{TYPE}RetryInfo", "retryDelay": f"{refusal.retry_after}s"}]
    return [*(quota if refusal.status == 429 else []), *(retry if refusal.retry_after else [])]


def wrong(message: str) -> Refusal:
    """The common 400."""
    return Refusal(400, INVALID, "invalid_parameter_error", message)


def unreadable(faults: Sequence[Fault]) -> Refusal:
    """The 400 for a body that does not fit the messages; it names every fault."""
    told = faults[:MOST_FAULTS]
    violations = [({"field": one.field} if one.field else {}) | {"description": one.description} for one in told]
    detail = {"@type": f"{TYPE}BadRequest", "fieldViolations": violations}
    message = "\n".join(one.description for one in told)
    return Detailed(400, INVALID, "invalid_parameter_error", message, details=(detail,))


def unknown_model(name: str, method: str) -> Refusal:
    """The 404 for a model that is not there, or not for *method*."""
    hint = "Call ListModels to see the list of available models and their supported methods."
    said = f"models/{name} is not found for API version v1beta, or is not supported for {method}. {hint}"
    return Refusal(404, INVALID, "model_not_found", said)


BAD_KEY = Detailed(
    400,
    INVALID,
    "invalid_api_key",
    "API key not valid. Please pass a valid API key.",
    details=(
        {
            "@type": f"{TYPE}ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        },
    ),
)
BAD_TOKEN = Refusal(
    401,
    INVALID,
    "invalid_api_key",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential.",
)
NO_KEY = Refusal(
    403,
    INVALID,
    "access_denied",
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API.",
)
