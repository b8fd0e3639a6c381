"""The README's table of the client's methods."""

from typing import Any

import pytest

from scripts.surface import LOCAL, SERVED, WHY, Row, asked, reason_of, rows, told

FOUND: dict[str, Any] = {
    "files.create": {"requests": ["POST /v1/files"], "outcome": "404 unsupported_endpoint"},
    "files.list": {"requests": ["GET /v1/files"], "outcome": "404 unsupported_endpoint"},
    "files.retrieve": {"requests": ["GET /v1/files/{file_id}"], "outcome": "404 unsupported_endpoint"},
    "models.delete": {"requests": ["DELETE /v1/models/{model}"], "outcome": "404 unsupported_endpoint"},
    "models.list": {"requests": ["GET /v1/models"], "outcome": SERVED},
    "models.retrieve": {"requests": ["GET /v1/models/{model}"], "outcome": SERVED},
}
REFUSED = "404 unsupported_endpoint"


def test_methods_of_one_resource_with_one_outcome_share_a_row_and_what_is_served_comes_first() -> None:
    assert list(rows(FOUND)) == [
        Row("models", SERVED, ("list", "retrieve"), ("GET /v1/models", "GET /v1/models/{model}")),
        Row(
            "files",
            REFUSED,
            ("create", "list", "retrieve"),
            ("POST /v1/files", "GET /v1/files", "GET /v1/files/{file_id}"),
        ),
        Row("models", REFUSED, ("delete",), ("DELETE /v1/models/{model}",)),
    ]


@pytest.mark.parametrize(
    ("outcome", "requests", "text"),
    [
        (SERVED, ("GET /v1/a", "GET /v1/a/{b}"), "`GET /v1/a`, `GET /v1/a/{b}`"),
        (REFUSED, ("GET /v1/a", "GET /v1/a/{b}"), "`/v1/a` and below"),
        (REFUSED, ("GET /v1/a/{b}", "POST /v1/a/{b}"), "`/v1/a/{b}`"),
        (REFUSED, ("GET /v1/a",), "`GET /v1/a`"),
        (LOCAL, (), ""),
    ],
)
def test_requests_are_told_in_short(outcome: str, requests: tuple[str, ...], text: str) -> None:
    assert asked(Row("a", outcome, ("m",), requests)) == text


@pytest.mark.parametrize(
    ("resource", "outcome", "text"),
    [
        ("models", SERVED, "served"),
        ("webhooks", LOCAL, "asks nobody"),
        ("admin.organization.users", REFUSED, f"404 `unsupported_endpoint`: {WHY['admin']}"),
        ("realtime", "426 websocket_not_supported", "426 `websocket_not_supported`: no such WebSocket"),
    ],
)
def test_each_row_tells_what_becomes_of_it_and_why(resource: str, outcome: str, text: str) -> None:
    assert told(Row(resource, outcome, ("m",), ())) == text


def test_the_longest_name_gives_the_reason() -> None:
    why = {"files": "nothing is stored", "files.content": "there is none"}
    assert [reason_of(name, why) for name in ("files.content", "files.contents")] == [
        why["files.content"],
        why["files"],
    ]


def test_a_refusal_without_a_reason_is_a_fault() -> None:
    with pytest.raises(LookupError, match="horoscopes"):
        reason_of("horoscopes")
