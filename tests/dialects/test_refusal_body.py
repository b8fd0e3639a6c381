"""The shapes in which an upstream says no."""

import pytest

from qwenproxy.dialects.refusal_body import Said, read

INNER = "<400> InternalError.Algo.InvalidParameter: wrong"

SHAPES: list[tuple[str, int, bytes, Said]] = [
    (
        "compatible mode",
        400,
        b'{"error":{"message":"wrong","type":"invalid_request_error","param":"n","code":"invalid_parameter_error"},'
        b'"id":"chatcmpl-1","request_id":"rq"}',
        Said(400, ("invalidparametererror", "invalidrequesterror"), "wrong", "n", "rq"),
    ),
    (
        "control characters",
        400,
        rb'{"error":{"message":"a\r\nW forged\u001b[2J\u202e \u0000 b","param":"p\u001b","code":"c"},'
        rb'"request_id":"r\n1"}',
        Said(400, ("c",), "a W forged [2J b", "p", "r 1"),
    ),
    (
        "native",
        429,
        b'{"code":"Throttling.RateQuota","message":"slow","request_id":"rq"}',
        Said(429, ("throttlingratequota",), "slow", None, "rq"),
    ),
    (
        "Google's",
        429,
        b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":['
        b'{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED"},'
        b'{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"PerDay"}]},'
        b'{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}',
        Said(429, ("ratelimitexceeded", "perday"), "slow", wait=1.5),
    ),
    (
        "Google's, of a field",
        400,
        b'{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT","details":['
        b'{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents","description":"x"}]}]}}',
        Said(400, (), "no", "contents"),
    ),
    (
        "Google's word behind a gateway's status",
        500,
        b'{"error":{"message":"no","status":"UNAVAILABLE"}}',
        Said(503, (), "no"),
    ),
    ("a number in a stream", 0, b'{"error":{"message":"no","code":"429"}}', Said(429, (), "no")),
    ("a number that says less than the status", 500, b'{"error":{"message":"no","code":429}}', Said(500, (), "no")),
    ("a number that is no status", 0, b'{"error":{"message":"no","code":1305}}', Said(0, (), "no")),
    (
        "details that are none",
        400,
        b'{"error":{"message":"no","details":[5,{"violations":[5,{}]},{"reason":5}]}}',
        Said(400, (), "no"),
    ),
    ("a string", 405, b'{"error":"no"}', Said(405, (), "no")),
    ("a listed error", 400, b'[{"error":{"message":"no"}}]', Said(400, (), "no")),
    ("words", 502, b" no healthy upstream\n", Said(502, (), "no healthy upstream")),
    ("nothing", 500, b"", Said(500, (), "")),
    ("FastAPI", 422, b'{"detail":[{"msg":"x"}]}', Said(422, (), '[{"msg":"x"}]')),
    (
        "vLLM",
        400,
        b'{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}',
        Said(400, ("badrequesterror",), "no"),
    ),
    (
        "an error's own request id",
        400,
        b'{"error":{"message":"no","request_id":"rq"}}',
        Said(400, (), "no", None, "rq"),
    ),
    (
        "events, the status in them",
        200,
        b'id:1\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"Throttling","message":"slow","request_id":"rq"}\n\n',
        Said(429, ("throttling",), "slow", None, "rq"),
    ),
    ("events with a status of their own", 400, b': x\ndata: {"error":{"message":"no"}}\n\n', Said(400, (), "no")),
    ("an event without its end", 400, b'data:{"error":"no"}', Said(400, (), "no")),
    ("a page", 403, b"<html><style>p{}</style><p>Slide</p> <b>here</b></html>", Said(403, (), "Slide here", page=True)),
    (
        "an inner status behind a 500",
        500,
        b'{"error":{"message":"%s","code":"internal_error"}}' % INNER.encode(),
        Said(400, ("invalidparameter",), INNER),
    ),
    (
        "an inner status that agrees",
        400,
        b'{"error":{"message":"%s","code":"data_inspection_failed"}}' % INNER.encode(),
        Said(400, ("invalidparameter", "datainspectionfailed"), INNER),
    ),
    (
        "an inner status behind a gateway's",
        400,
        f"400 {INNER}".encode(),
        Said(400, ("invalidparameter",), f"400 {INNER}"),
    ),
    (
        "an exception in a gateway's own",
        500,
        b'{"error":{"message":"litellm.APIConnectionError: APIConnectionError: OpenAIException - Error calling it: '
        b'litellm.NotFoundError: OpenAIException - no such model\\n\\nmore",'
        b'"type":"internal_server_error","code":"500"}}',
        Said(404, ("notfounderror",), "no such model more"),
    ),
    (
        "an exception of a gateway's own alone",
        400,
        f'{{"error":{{"message":"litellm.BadRequestError: OpenAIException - {INNER}"}}}}'.encode(),
        Said(400, ("invalidparameter", "badrequesterror"), INNER),
    ),
    (
        "an exception said twice",
        429,
        b'{"error":{"message":"litellm.RateLimitError: RateLimitError: OpenAIException - slow",'
        b'"type":"throttling_error"}}',
        Said(429, ("ratelimiterror", "throttlingerror"), "slow"),
    ),
    (
        "an exception with an inner status",
        500,
        f'{{"error":{{"message":"litellm.APIConnectionError: x: litellm.BadRequestError: {INNER}"}}}}'.encode(),
        Said(400, ("invalidparameter", "badrequesterror"), INNER),
    ),
    (
        "an exception in a stream",
        0,
        b'{"error":{"message":"litellm.MidStreamFallbackError: litellm.APIConnectionError: gone","code":"500"}}',
        Said(500, ("apiconnectionerror",), "gone"),
    ),
    (
        "an exception that nobody knows",
        500,
        b'{"error":{"message":"x.OddError: NotFoundErrors: no"}}',
        Said(500, (), "x.OddError: NotFoundErrors: no"),
    ),
    (
        "an exception that is talked about",
        500,
        b'{"error":{"message":"it said NotFoundError: no"}}',
        Said(500, (), "it said NotFoundError: no"),
    ),
    ("an inner status in bare words", 500, INNER.encode(), Said(400, ("invalidparameter",), INNER)),
]


@pytest.mark.parametrize(("status", "body", "expected"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_a_refusal_is_read_in_every_shape(status: int, body: bytes, expected: Said) -> None:
    assert read(status, {}, body) == expected


def test_the_header_names_the_request_where_the_body_does_not() -> None:
    assert read(500, {"x-request-id": "rq"}, b'{"message":"no"}').request_id == "rq"
    assert read(403, {"x-request-id": "rq"}, b"<html></html>").request_id == "rq"


def test_what_calls_itself_a_page_is_one_unless_it_is_json() -> None:
    assert read(503, {"content-type": "text/html"}, b"busy").page
    assert not read(503, {"content-type": "text/html"}, b'{"message":"busy"}').page


def test_messages_have_an_end() -> None:
    assert len(read(400, {}, b"x" * 100_000).message) == 2_000
