"""Secrets, and the search for them in whatever a process has let out."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

APP_KEY, COOKIE, ORGANIZATION = "sk-app-SECRET+/0123456789", "session=SECRET-cookie", "org-SECRET"
CLIENT_KEY, OTHER_CLIENT_KEY = "client-PRIVATE-1", "client-PRIVATE-2"
UPSTREAM_KEY = "sk-qwen-HIDDEN-0123456789"
COLLECTOR_KEY, COLLECTOR_PASSWORD = "otel-PRIVATE-header", "otel-PRIVATE-password"
TOOLS_KEY, TOOLS_TOKEN, TOOLS_QUERY = "mcp-PRIVATE-variable", "mcp-PRIVATE-header", "mcp-PRIVATE-query"
STATE_PASSWORD, STATE_KEY = "redis-PRIVATE-password", "state-PRIVATE-key-0123456789-0123456789"

SECRETS = (
    *(APP_KEY, COOKIE, ORGANIZATION, CLIENT_KEY, OTHER_CLIENT_KEY, UPSTREAM_KEY, COLLECTOR_KEY, COLLECTOR_PASSWORD),
    *(TOOLS_KEY, TOOLS_TOKEN, TOOLS_QUERY, STATE_PASSWORD, STATE_KEY),
)

CREDENTIALS: dict[str, Any] = {
    "cookie": COOKIE,
    "api_key": APP_KEY,
    "x_api_key": APP_KEY,
    "openai_organization": ORGANIZATION,
    "openai_project": ORGANIZATION,
}
"""Headers, beside the one for the key, by which an app tells OpenAI who it is."""


def spellings(secret: str) -> Iterator[bytes]:
    """*secret* as it is, and as it may be written."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()
    yield secret.replace("/", "\\/").encode()
    for shift in range(3):  # base64 of a text that has it anywhere, without the ends that depend on what is around
        yield b64encode(b"-" * shift + raw)[4:-4]


def found_in(text: bytes) -> set[str]:
    """The secrets that *text* holds, in any spelling."""
    return {secret for secret in SECRETS if any(spelling in text for spelling in spellings(secret))}
