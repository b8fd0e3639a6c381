"""The route table: what a method and a path name, or why there is no such thing here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.flows.catalogue import PATHS

type Endpoint = Literal[
    "chat",
    "responses",
    "response",
    "response_cancel",
    "response_items",
    "input_tokens",
    "compact",
    "conversations",
    "conversation",
    "conversation_items",
    "conversation_item",
    "completions",
    "embeddings",
    "models",
    "model",
    "engines",
    "engine",
    "socket",
]


@dataclass(frozen=True, slots=True)
class Served:
    """An endpoint of ours.  *model*, or what else it names, is from the path; *head* wants the headers only."""

    endpoint: Endpoint
    model: str = ""
    head: bool = False


@dataclass(frozen=True, slots=True)
class Empty:
    """A 204: nothing more to do."""

    headers: Mapping[str, str] = field(default_factory=dict)


type Route = Served | Empty

WEBSOCKET = "GET (WebSocket)"
"""A request for a WebSocket has a method of its own in the table: none that a request can have."""

REFUSED = None
"""Part of OpenAI's API, and not served: an answer would be made up."""

FORMER: tuple[tuple[str, str, Route | None], ...] = (
    ("GET", "/v1/engines", Served("engines")),
    ("GET", "/v1/engines/{engine}", Served("engine")),
    ("POST", "/v1/engines/{engine}/completions", Served("completions")),
    ("POST", "/v1/engines/{engine}/chat/completions", Served("chat")),
    ("POST", "/v1/engines/{engine}/embeddings", Served("embeddings")),
)
"""As old clients call the same endpoints: `{engine}` is the model, in one segment."""

BESIDES: tuple[tuple[str, str, Route | None], ...] = (
    ("POST", "/v1/responses/input_tokens", Served("input_tokens")),
    ("POST", "/v1/responses/compact", Served("compact")),
)
"""What belongs to a response, without making one."""

STORED: tuple[tuple[str, str, Route | None], ...] = (
    ("GET", "/v1/responses/{}", Served("response")),
    ("DELETE", "/v1/responses/{}", Served("response")),
    ("POST", "/v1/responses/{}/cancel", Served("response_cancel")),
    ("GET", "/v1/responses/{}/input_items", Served("response_items")),
    ("POST", "/v1/conversations", Served("conversations")),
    ("GET", "/v1/conversations/{}", Served("conversation")),
    ("POST", "/v1/conversations/{}", Served("conversation")),
    ("DELETE", "/v1/conversations/{}", Served("conversation")),
    ("GET", "/v1/conversations/{}/items", Served("conversation_items")),
    ("POST", "/v1/conversations/{}/items", Served("conversation_items")),
    ("GET", "/v1/conversations/{}/items/{}", Served("conversation_item")),
    ("DELETE", "/v1/conversations/{}/items/{}", Served("conversation_item")),
)
"""What has been stored."""

ROWS: tuple[tuple[str, str, Route | None], ...] = (
    ("POST", "/v1/chat/completions", Served("chat")),
    ("GET", "/v1/chat/completions", REFUSED),
    ("POST", "/v1/responses", Served("responses")),
    ("POST", "/v1/embeddings", Served("embeddings")),
    ("GET", "/v1/models", Served("models")),
    ("GET", "/v1/models/{model}", Served("model")),
    ("POST", "/v1/completions", Served("completions")),
    (WEBSOCKET, "/v1/responses", Served("socket")),
    ("DELETE", "/v1/models/{model}", REFUSED),
    ("POST", "/v1/traces/ingest", Empty()),  # openai-agents exports prompts there: taken, and dropped
    *FORMER,
    *BESIDES,
    *STORED,
    *(("*", path, REFUSED) for path in PATHS),
)
"""Method, path template, what it is.  `*` is any method that no other row names, on a path where nothing is served."""

UNTOLD = (*FORMER, *BESIDES, *STORED)
SERVED = ", ".join(f"{row[0]} {row[1]}" for row in ROWS if isinstance(row[2], Served) and row not in UNTOLD)

_UPGRADE = {"upgrade": "HTTP/1.1", "connection": "Upgrade"}  # RFC 9110, 15.5.22: a 426 names what is spoken instead


@dataclass(slots=True)
class _Node:
    """One segment of the path templates, and what may follow it."""

    methods: dict[str, Route | None] = field(default_factory=dict)
    named: dict[str, "_Node"] = field(default_factory=dict)
    any: "_Node | None" = None
    rest: "_Node | None" = None
    """Takes all that follows: a model's name may hold slashes."""
    allow: str = ""
    """The methods that are served here."""


def find(method: str, path: str, headers: Mapping[str, str]) -> Route:
    """What *method* and *path* (with its query, if any) name; *headers* must be found by lower-case names.

    Raises ProxyError: for a path or a method that is not served, also by a WebSocket (whose method is always GET).
    """
    node = _PLAIN.get(path)
    model = ""
    if node is None:
        node, model = _locate(path)
    if method == "GET" and "websocket" in headers.get("upgrade", "").lower():
        if (socket := node.methods.get(WEBSOCKET)) is None:
            raise no_websocket(path)
        return socket
    what = node.methods.get(method)
    if what is None or model:
        return _other(method, path, node, model)
    return what


def no_websocket(path: str) -> ProxyError:
    """The refusal of a WebSocket, after which clients that can go on over plain HTTP do so at once (Codex does)."""
    message = (
        f"No WebSocket here (GET {_bare(path)}): this proxy has none but /v1/responses, if its setting websockets "
        "is on. What else it serves, it serves over plain HTTP."
    )
    return ProxyError(errors.UPGRADE_REFUSED, message, headers=_UPGRADE)


def _other(method: str, path: str, node: _Node, model: str) -> Route:
    """What is left once a method of a fixed path is not simply served."""
    head = method == "HEAD"
    what = node.methods.get("GET" if head else method)
    if isinstance(what, Served):
        return Served(what.endpoint, model, head)
    if method == "OPTIONS" and node.methods:
        return Empty({"allow": node.allow or "OPTIONS"})
    if not node.methods:
        raise ProxyError(errors.UNKNOWN_URL, f"Invalid URL ({method} {_bare(path)}). {_hint(path)}{_ABOUT}")
    if not node.allow or method in node.methods:
        raise ProxyError(
            errors.UNSUPPORTED_ENDPOINT,
            f"{method} {_bare(path)} is part of OpenAI's API, but not served here. {_ABOUT}",
        )
    raise ProxyError(
        errors.METHOD_NOT_ALLOWED,
        f"{method} is not allowed on {_bare(path)}; allowed: {node.allow}.",
        headers={"allow": node.allow},
    )


_ABOUT = f"This proxy answers with Qwen and serves {SERVED}; and stored responses and conversations."


def _hint(path: str) -> str:
    """What is probably wrong with the app's base URL."""
    bare = _bare(path)
    if _locate(f"/v1{bare}")[0].methods:
        return "The base URL must end in /v1. "
    if bare.startswith("/v1/v1/"):
        return "The base URL has /v1 twice. "
    return ""


def _bare(path: str) -> str:
    """*path* as a message may quote it: a query may hold a key."""
    return path.partition("?")[0][:200]


def _locate(path: str) -> tuple[_Node, str]:
    """The node of *path*, and the model (or any other thing) that it names; an empty node if there is none.

    Doubled and trailing slashes do not count.  Dot segments are not followed, however they are encoded.
    """
    segments = [segment for segment in path.partition("?")[0].split("/") if segment]
    if "%" in path:
        segments = [unquote(segment) for segment in segments]
    if "." in segments or ".." in segments:
        return _NOWHERE, ""
    if segments and segments[0] != "v1" and segments[0].startswith("v1"):
        segments[:1] = ["v1", segments[0][2:]]  # a base URL and a path put together without the slash
    return _walk(_ROOT, segments) or (_NOWHERE, "")


def _walk(node: _Node, segments: Sequence[str]) -> tuple[_Node, str] | None:
    if not segments:
        return (node, "") if node.methods else None
    for child, passed in ((node.named.get(segments[0]), ""), (node.any, segments[0])):
        if child is not None and (found := _walk(child, segments[1:])) is not None:
            return found[0], "/".join(filter(None, (passed, found[1])))
    return (node.rest, "/".join(segments)) if node.rest is not None else None


def _grow(root: _Node, path: str) -> _Node:
    """The node of the template *path*, made if need be."""
    node = root
    for segment in path.strip("/").split("/"):
        if segment == "{model}":
            node.rest = node = node.rest or _Node()
        elif segment in ("{}", "{engine}"):
            node.any = node = node.any or _Node()
        else:
            node = node.named.setdefault(segment, _Node())
    return node


def _allowed(methods: Mapping[str, Route | None]) -> str:
    served = [method for method, what in methods.items() if what is not REFUSED and method != WEBSOCKET]
    head = ["HEAD"] if "GET" in served else []
    return ", ".join([*served, *head, "OPTIONS"]) if served else ""


def _compile(rows: Sequence[tuple[str, str, Route | None]]) -> tuple[_Node, dict[str, _Node]]:
    """The rows as a tree, and its nodes of fixed paths by path."""
    root = _Node()
    plain: dict[str, _Node] = {}
    for method, path, what in rows:
        node = _grow(root, path)
        node.methods.setdefault(method, what)
        node.allow = _allowed(node.methods)
        if "{" not in path:
            plain[path] = node
    return root, plain


_NOWHERE = _Node()
_ROOT, _PLAIN = _compile(ROWS)
