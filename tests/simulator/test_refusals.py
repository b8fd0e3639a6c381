"""Every row of the table of refusals, as a client sees it."""

import orjson
import pytest

from qwenproxy.simulator.refusals import REFUSALS, Refusal, refusal_of, unknown_path
from tests.support.simulated import Client

JSON_KEYS = {
    "own": {"error", "id", "request_id"},
    "native": {"code", "message", "request_id"},
    "string": {"error"},
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_has_its_status_and_its_shape(client: Client, name: str) -> None:
    refusal = REFUSALS[name]
    answer = await client.chat(f"[sim: error {name}]")
    assert answer.status == refusal.status
    assert answer.kind == refusal.content_type
    assert refusal.message in answer.body.decode()
    if refusal.shape in JSON_KEYS:
        assert answer.json.keys() == JSON_KEYS[refusal.shape]
        assert "Retry-After" not in answer.headers


async def test_the_openai_like_envelope_is_whole(client: Client) -> None:
    answer = await client.chat("[sim: error limit_requests]")
    assert answer.error.keys() == {"message", "type", "param", "code"}
    assert answer.error["param"] is None
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.json["id"] == f"chatcmpl-{answer.json['request_id']}"


async def test_a_refusal_of_a_stream_is_json(client: Client) -> None:
    answer = await client.chat("[sim: error limit_requests]", stream=True)
    assert (answer.status, answer.kind) == (429, "application/json")


def test_a_number_after_the_name_is_the_time_to_wait() -> None:
    assert refusal_of("limit_requests 7").retry_after == "7"


def test_without_a_name_it_is_an_internal_error() -> None:
    assert refusal_of("") == REFUSALS["internal_error"]


def test_a_time_to_wait_is_a_number() -> None:
    with pytest.raises(ValueError, match="no seconds"):
        refusal_of("limit_requests soon")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nonsense.*limit_requests"):
        refusal_of("nonsense")


def test_an_unknown_path_is_json_below_the_openai_like_face_only() -> None:
    below = unknown_path("POST", "/compatible-mode/v1/nonsense").body("1")
    assert orjson.loads(below)["error"]["message"] == "Invalid URL (POST /compatible-mode/v1/nonsense)"
    assert unknown_path("POST", "/nonsense").body("1") == b""


def test_events_carry_the_envelope() -> None:
    body = Refusal(400, "a", "b", "c", "events").body("1")
    assert body.startswith(b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"error":')
    assert body.endswith(b"}\n\n")
