"""Qwen's OAuth server: its addresses, and the answers it gives under its own field names.

Device authorization grant (RFC 8628) with PKCE (RFC 7636) and refresh (RFC 6749, 6).  What else there is to know was
read in the source of Qwen Code (qwenOAuth2.ts).
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler
from pydantic.functional_validators import WrapValidator

from qwenproxy import hostnames

DEVICE_PATH = "/device/code"
TOKEN_PATH = "/token"
API_PATH = "/api/v1/oauth2"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT = "refresh_token"

INTERVAL = 5.0  # s between polls, if the server names none (RFC 8628, 3.2)
CODE_LIFETIME = 900.0  # s that a code can be confirmed, if the server does not say
TOKEN_LIFETIME = 3600.0  # s, if the server does not say: less than what it was ever seen to give
LONGEST = 1e9  # s; a longer span of time is a mistake

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """An OAuth server, and as whom it knows us: a public client, without a secret."""

    url: str = "https://chat.qwen.ai"
    client_id: str = "f0304373b74a44d2b584a3fb70ca9e56"
    scope: str = "openid profile email model.completion"

    @property
    def device_url(self) -> str:
        return self._api + DEVICE_PATH

    @property
    def token_url(self) -> str:
        return self._api + TOKEN_PATH

    @property
    def host(self) -> str:
        """What people call it."""
        return urlsplit(self.url).netloc

    @property
    def hostname(self) -> str:
        """The same without a port."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether it is a plain HTTP server on this machine, as a simulator is."""
        return urlsplit(self.url).scheme == "http" and hostnames.is_loopback(self.hostname)

    @property
    def _api(self) -> str:
        return self.url.rstrip("/").removesuffix(API_PATH) + API_PATH


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """A field that says nothing usable counts as absent: what else the answer holds may be a token."""
    try:
        return read(value)
    except ValidationError:
        return None


def _for_a_header(text: str) -> str:
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("it holds a character that a header cannot carry")
    return text


def _for_a_terminal(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds a control character")
    return text


type Optional[T] = Annotated[T | None, WrapValidator(_or_none)]
Bearer = Annotated[str, Field(min_length=1, repr=False), AfterValidator(_for_a_header)]
Shown = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_for_a_terminal)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class DeviceAnswer(_Answer):
    """The answer to the device request (RFC 8628, 3.2)."""

    device_code: str = Field(min_length=1, repr=False)
    user_code: Shown
    verification_uri: Shown
    verification_uri_complete: Optional[Shown] = None
    expires_in: Optional[Seconds] = None
    interval: Optional[Seconds] = None


class TokenAnswer(_Answer):
    """The answer that holds a token (RFC 6749, 5.1), with Qwen's `resource_url`: the API that the token is for."""

    access_token: Bearer
    refresh_token: Annotated[Optional[str], Field(repr=False)] = None
    token_type: Optional[str] = None
    expires_in: Optional[Seconds] = None
    resource_url: Optional[Shown] = None
    id_token: Annotated[Optional[str], Field(repr=False)] = None


def read[T: BaseModel](kind: type[T], answer: Json) -> T:
    """*answer* as a *kind*.  Raises ValueError, which names the fields at fault and quotes nothing."""
    try:
        return kind.model_validate(answer)
    except ValidationError as e:
        fields = sorted({".".join(str(step) for step in error["loc"]) for error in e.errors(include_input=False)})
        raise ValueError(f"unusable: {', '.join(fields)}") from None


def error_code(answer: Json) -> str:
    """The error that *answer* names, in OAuth's form or in that of Qwen's API; "" if none."""
    error = answer.get("error")
    if isinstance(error, dict):
        error = error.get("code") or error.get("type") or "error"
    return error if isinstance(error, str) else "" if error is None else "error"


def error_text(answer: Json) -> str:
    """What *answer* says about its error, one line for people."""
    error = answer.get("error")
    nested = error.get("message") if isinstance(error, dict) else None
    for text in (answer.get("error_description"), nested, answer.get("message"), error_code(answer)):
        if isinstance(text, str) and text.strip():
            line = " ".join(text.split())
            return "".join(c for c in line if c.isprintable())[:300]
    return "no reason given"
