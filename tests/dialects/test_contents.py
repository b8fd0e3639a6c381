"""The contents format: the bytes of a call, and the way back."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.base import Dialect, UpstreamRequest
from qwenproxy.dialects.contents import Contents
from qwenproxy.dialects.corrections import learn
from qwenproxy.dialects.rulings import rule
from qwenproxy.errors import INVALID_REQUEST, MODEL_NOT_FOUND, RATE_LIMIT, ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import GATEWAY, PORTAL, SELF_HOSTED, Plan
from qwenproxy.wire.openai import Json
from tests.dialects.asking import AWAKE, ask, function
from tests.dialects.contents_reading import response, stream
from tests.support.answers import Answer, numbered_ids


def request(row: Row = AWAKE, *, stream: bool = False, **fields: Any) -> UpstreamRequest:
    """The call for a request that has gone through the rulings."""
    dialect = Contents(GATEWAY)
    ruled = rule(ask(**fields), row, refuse=False, unsaid=dialect.unsaid)
    return dialect.request(ruled.chat, row, stream=stream)


def test_it_is_a_dialect() -> None:
    dialect: Dialect = Contents()
    assert dialect.name == "contents"


@pytest.mark.parametrize(
    ("streamed", "path"),
    [(False, "/models/qwen-test:generateContent"), (True, "/models/qwen-test:streamGenerateContent?alt=sse")],
    ids=["whole", "streamed"],
)
def test_the_path_names_the_model_and_the_method(streamed: bool, path: str) -> None:
    sent = request(stream=streamed)
    assert (sent.path, sent.method, sent.stream) == (path, "POST", streamed)


MODELS: list[tuple[str, str]] = [
    ("qwen3.7-plus", "qwen3.7-plus"),
    ("models/qwen3.7-plus", "qwen3.7-plus"),
    ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
    ("openrouter/qwen/qwen3:free", "openrouter/qwen/qwen3:free"),
    ("a b?c#d%e", "a%20b%3Fc%23d%25e"),
    ("通义", "%E9%80%9A%E4%B9%89"),
    ("v1.5..x", "v1.5..x"),
]


@pytest.mark.parametrize(("model", "quoted"), MODELS, ids=[row[0] for row in MODELS])
def test_a_models_name_stands_in_the_path_as_gateways_read_it(model: str, quoted: str) -> None:
    assert request(model=model).path == f"/models/{quoted}:generateContent"


@pytest.mark.parametrize("model", ["..", "../x", "a/../../b", "a//b", "/a", "a/", ".", "models/", "models/../x", ""])
def test_no_models_name_leads_elsewhere(model: str) -> None:
    """The credential goes with it."""
    with pytest.raises(ProxyError) as refused:
        Contents().request(ask(model=model), Row(), stream=False)
    assert refused.value.failure is MODEL_NOT_FOUND


def test_the_body_has_the_fields_of_the_rest_api() -> None:
    sent = request(
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        tools=[function()],
        tool_choice="auto",
        temperature=0.3,
        max_tokens=512,
        stop="END",
        repetition_penalty=1.1,
        tool_stream=True,
    )
    assert orjson.loads(sent.body) == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "look", "parametersJsonSchema": {"type": "object", "properties": {}}},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "generationConfig": {
            "temperature": 0.3,
            "maxOutputTokens": 512,
            "stopSequences": ["END"],
            "thinkingConfig": {"includeThoughts": True},
        },
    }


def test_a_plain_question_is_contents_and_no_more() -> None:
    assert set(orjson.loads(request(Row(thinking="never")).body)) == {"contents"}


@pytest.mark.parametrize("plan", [GATEWAY, PORTAL, SELF_HOSTED], ids=lambda plan: plan.name)
def test_no_credential_and_no_agents_name_is_added(plan: Plan) -> None:
    sent = Contents(plan).request(ask(), Row(), stream=False)
    assert not {"authorization", "x-goog-api-key", "user-agent"} & set(sent.headers)
    assert "key=" not in sent.path


def test_a_signature_comes_back_with_the_call_that_it_signed() -> None:
    dialect = Contents()
    reading = dialect.reader("text/event-stream", tools=frozenset({"look"}), new_id=numbered_ids())
    part = {"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2ln"}
    answer = Answer([*reading.feed(stream(response(part, finish="STOP"))), *reading.feed(b"")])
    (id, name, arguments) = answer.calls[0]
    call = {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
    history: list[Json] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": id, "content": "x"},
    ]
    sent = orjson.loads(dialect.request(ask(messages=history), Row(), stream=False).body)
    assert sent["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"
    other = orjson.loads(Contents().request(ask(messages=history), Row(), stream=False).body)
    assert "thoughtSignature" not in str(other)


@pytest.mark.parametrize(("plan", "thought"), [(SELF_HOSTED, "Hm."), (GATEWAY, "")], ids=["self-hosted", "gateway"])
def test_thinking_that_leaks_is_looked_for_where_upstreams_leak_it(plan: Plan, thought: str) -> None:
    said = stream(response({"text": "Hm.</think>Hi"}, finish="STOP"))
    reading = Contents(plan).reader("", tools=frozenset(), new_id=numbered_ids(), think="inside")
    assert Answer([*reading.feed(said), *reading.feed(b"")]).reasoning == thought


def test_a_refusal_names_the_field_as_the_app_knows_it() -> None:
    detail = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "generation_config.max_output_tokens", "description": "Too many."}],
    }
    said = {"error": {"code": 400, "message": "Too many.", "status": "INVALID_ARGUMENT", "details": [detail]}}
    error = Contents().failure(400, {}, orjson.dumps(said))
    assert (error.failure, error.param) == (INVALID_REQUEST, "max_tokens")


def test_a_refusal_tells_how_long_to_wait() -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}
    said = {"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED", "details": [detail]}}
    error = Contents().failure(429, {}, orjson.dumps([said]))
    assert (error.failure, error.retry_after) == (RATE_LIMIT, 17.5)
    assert error.headers()["retry-after"] == "18"


SEEN: list[Json] = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]}
]
ONE_SPELLING = [
    "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'inline_data'",
    "Invalid JSON payload received. Unknown name \"inline_data\" at 'contents[0].parts[0]': Cannot find field.",
    "duplicate field `inlineData` at line 1 column 80",
]


@pytest.mark.parametrize("message", ONE_SPELLING)
def test_a_server_that_takes_media_in_one_spelling_only_is_sent_the_usual_one(message: str) -> None:
    said = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    learned = learn(Contents().failure(400, {}, orjson.dumps(said)).message, Row(vision=True))
    assert learned is not None
    sent = [orjson.loads(request(row, messages=SEEN).body) for row in (Row(vision=True), learned)]
    usual = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
    other = {"inline_data": {"mime_type": "image/png", "data": "iVBO"}}
    assert [body["contents"][0]["parts"] for body in sent] == [[usual | other], [usual]]


UNKNOWN_FIELDS = [
    "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at 'tools[0].function_declarations[0]': "
    "Cannot find field.",
    "Invalid JSON payload received. Unknown name \"response_json_schema\" at 'generation_config': Cannot find field.",
    "unsupported field 'parametersJsonSchema'",
]
SCHEMA: Json = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize("message", UNKNOWN_FIELDS)
def test_a_server_that_does_not_take_json_schema_is_not_sent_it_again(message: str) -> None:
    said = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    learned = learn(Contents().failure(400, {}, orjson.dumps(said)).message, Row())
    assert learned is not None
    for row, sent in ((Row(), True), (learned, False)):
        body = request(row, tools=[function()], response_format=SCHEMA).body
        assert (b"JsonSchema" in body) == sent
    assert learn(message, learned) is None
