"""The route table: what a method and a path name."""

import pytest
from mitmproxy.http import Headers

from qwenproxy import errors
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.flows.routes import Empty, Route, Served, find

CHAT, MODELS = Served("chat"), Served("models")
WEBSOCKET = {"connection": "Upgrade", "upgrade": "websocket"}


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/v1/chat/completions", CHAT),
        ("POST", "/v1/chat/completions?api-version=1", CHAT),
        ("POST", "/v1/chat/completions/", CHAT),
        ("POST", "//v1//chat//completions", CHAT),
        ("POST", "/v1chat/completions", CHAT),
        ("POST", "/%761/chat/completions", CHAT),
        ("GET", "/v1/models", MODELS),
        ("GET", "/v1/models/?limit=20", MODELS),
        ("GET", "/v1/models/qwen3.7-plus", Served("model", "qwen3.7-plus")),
        ("GET", "/v1/models/qwen%2Fx", Served("model", "qwen/x")),
        ("GET", "/v1/models/Qwen/Qwen3-8B?x=/y", Served("model", "Qwen/Qwen3-8B")),
        ("GET", "/v1/models/ft:gpt-4o:org::id", Served("model", "ft:gpt-4o:org::id")),
        ("GET", "/v1/models/%E9%80%9A%E4%B9%89", Served("model", "通义")),
        ("GET", "/v1/models/{model}", Served("model", "{model}")),
        ("HEAD", "/v1/models", Served("models", head=True)),
        ("HEAD", "/v1/models/a", Served("model", "a", head=True)),
        ("POST", "/v1/responses?beta=true", Served("responses")),
        ("GET", "/v1/responses/resp_1?stream=true", Served("response", "resp_1")),
        ("HEAD", "/v1/responses/resp_1", Served("response", "resp_1", head=True)),
        ("DELETE", "/v1/responses/resp_1", Served("response", "resp_1")),
        ("POST", "/v1/responses/resp_1/cancel", Served("response_cancel", "resp_1")),
        ("GET", "/v1/responses/resp_1/input_items", Served("response_items", "resp_1")),
        ("POST", "/v1/conversations", Served("conversations")),
        ("GET", "/v1/conversations/conv_1/items/msg_1", Served("conversation_item", "conv_1/msg_1")),
        ("POST", "/v1/embeddings", Served("embeddings")),
        ("POST", "/v1/completions", Served("completions")),
        ("GET", "/v1/engines", Served("engines")),
        ("GET", "/v1/engines/davinci", Served("engine", "davinci")),
        ("HEAD", "/v1/engines/davinci", Served("engine", "davinci", head=True)),
        ("POST", "/v1/engines/davinci/completions?x=1", Served("completions", "davinci")),
        ("POST", "/v1/engines/Qwen%2FQwen3-8B/completions", Served("completions", "Qwen/Qwen3-8B")),
        ("POST", "/v1/engines/gpt-4o/chat/completions/", Served("chat", "gpt-4o")),
        ("POST", "/v1/engines/text-embedding-ada-002/embeddings", Served("embeddings", "text-embedding-ada-002")),
        ("OPTIONS", "/v1/engines/davinci/completions", Empty({"allow": "POST, OPTIONS"})),
        ("POST", "/v1/traces/ingest", Empty()),
        ("OPTIONS", "/v1/chat/completions", Empty({"allow": "POST, OPTIONS"})),
        ("OPTIONS", "/v1/models", Empty({"allow": "GET, HEAD, OPTIONS"})),
        ("OPTIONS", "/v1/models/a", Empty({"allow": "GET, HEAD, OPTIONS"})),
        ("OPTIONS", "/v1/moderations", Empty({"allow": "OPTIONS"})),
    ],
)
def test_what_is_served(method: str, path: str, route: Route) -> None:
    assert find(method, path, {}) == route


def refusal(method: str, path: str, headers: dict[str, str] | None = None) -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        find(method, path, headers or {})
    return caught.value


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/moderations"),
        ("POST", "/v1/moderations/"),
        ("PUT", "/v1/moderations"),
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages"),
        ("DELETE", "/v1/models/a"),
        ("DELETE", "/v1/models/a/b"),
        ("POST", "/v1/engines/davinci/search"),
        ("POST", "/v1/engines/davinci/edits"),
        ("GET", "/v1/files/a%2Fb/content"),
        ("HEAD", "/v1/files"),
    ],
)
def test_openais_other_calls_are_refused_by_name(method: str, path: str) -> None:
    error = refusal(method, path)
    assert error.failure == errors.UNSUPPORTED_ENDPOINT
    assert error.status == 404
    assert f"{method} {path.partition('?')[0]}" in error.message
    assert "answers with Qwen" in error.message
    assert "POST /v1/chat/completions, POST /v1/responses, POST /v1/embeddings, GET /v1/models, GET" in error.message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/healthz"),
        ("POST", "/v1/chat"),
        ("POST", "/v1/chat/completion"),
        ("POST", "/V1/chat/completions"),
        ("POST", "/v2/chat/completions"),
        ("POST", "/v1beta/models/gemini-pro:generateContent"),
        ("GET", "/v1/models/../chat/completions"),
        ("GET", "/v1/models/."),
        ("GET", "/v1/models/.."),
        ("GET", "/v1/models/%2e%2e"),
        ("GET", "/v1/x/../models"),
        ("OPTIONS", "*"),
        ("OPTIONS", "/nothing"),
    ],
)
def test_an_unknown_url_is_refused_in_openais_words(method: str, path: str) -> None:
    error = refusal(method, path)
    assert error.failure == errors.UNKNOWN_URL
    assert error.message.startswith(f"Invalid URL ({method} {path})")
    assert "POST /v1/chat/completions" in error.message


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/chat/completions", "The base URL must end in /v1."),
        ("/models/a?x", "The base URL must end in /v1."),
        ("/v1/v1/chat/completions", "The base URL has /v1 twice."),
    ],
)
def test_a_wrong_base_url_is_recognised(path: str, hint: str) -> None:
    assert hint in refusal("POST", path).message


def test_a_message_does_not_repeat_the_query_nor_all_of_a_long_path() -> None:
    assert "sk-1" not in refusal("GET", "/nothing?api_key=sk-1").message
    assert len(refusal("GET", "/" + "x" * 10_000).message) < 500


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/chat/completions", "POST, OPTIONS"),
        ("HEAD", "/v1/chat/completions", "POST, OPTIONS"),
        ("post", "/v1/chat/completions", "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("PATCH", "/v1/models/a", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/traces/ingest", "POST, OPTIONS"),
        ("GET", "/v1/engines/davinci/completions", "POST, OPTIONS"),
        ("DELETE", "/v1/engines/davinci", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_verb_is_told_the_right_ones(method: str, path: str, allow: str) -> None:
    error = refusal(method, path)
    assert error.failure == errors.METHOD_NOT_ALLOWED
    assert error.headers() == {"allow": allow}
    assert f"allowed: {allow}" in error.message


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses?beta=true", "/v1//responses/"])
@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
def test_a_websocket_is_served_on_one_path(path: str, upgrade: str) -> None:
    assert find("GET", path, WEBSOCKET | {"upgrade": upgrade}) == Served("socket")


OTHER_SOCKETS = ["/v1/realtime?model=x", "/v1/responses/resp_1", "/v1/models", "/", "/nothing/../else"]


@pytest.mark.parametrize("path", OTHER_SOCKETS)
@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
def test_a_websocket_is_refused_on_every_other_path(path: str, upgrade: str) -> None:
    error = refusal("GET", path, WEBSOCKET | {"upgrade": upgrade})
    assert (error.failure, error.status) == (errors.UPGRADE_REFUSED, 426)
    assert error.headers() == {"upgrade": "HTTP/1.1", "connection": "Upgrade"}


def test_mitmproxys_headers_will_do() -> None:
    headers = Headers([(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")])
    assert find("GET", "/v1/responses", headers) == Served("socket")
    with pytest.raises(ProxyError, match=r"No WebSocket here \(GET /v1/realtime\): .* over plain HTTP"):
        find("GET", "/v1/realtime", headers)


def test_where_websockets_are_served_a_plain_get_is_not() -> None:
    assert refusal("GET", "/v1/responses").headers() == {"allow": "POST, OPTIONS"}


@pytest.mark.parametrize("upgrade", ["h2c", "", "TLS/1.0"])
def test_other_upgrades_are_ignored(upgrade: str) -> None:
    """As RFC 9110, 7.8 allows: the answer comes over the protocol in use."""
    assert find("GET", "/v1/models", {"upgrade": upgrade}) == MODELS


def test_no_refusal_makes_an_sdk_try_again() -> None:
    refusals: list[Failure] = [
        refusal("POST", "/v1/moderations").failure,
        refusal("POST", "/nothing").failure,
        refusal("PUT", "/v1/models").failure,
        refusal("GET", "/v1/realtime", WEBSOCKET).failure,
    ]
    assert not [failure for failure in refusals if failure.status in (408, 409, 429) or failure.status >= 500]
