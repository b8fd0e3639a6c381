"""The catalogue of OpenAI's API, against the official SDK."""

import ast
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from qwenproxy.errors import UNSUPPORTED_ENDPOINT, Failure, ProxyError
from qwenproxy.flows import routes
from qwenproxy.flows.catalogue import PATHS

VERBS = {"_get": "GET", "_get_api_list": "GET", "_post": "POST", "_put": "PUT", "_patch": "PATCH", "_delete": "DELETE"}


def verb(call: ast.Call) -> str:
    """The method of one of the SDK's calls: the name says it, but for lists that are asked for by POST."""
    assert isinstance(call.func, ast.Attribute)
    named = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "method"]
    return str(named[0]).upper() if named else VERBS[call.func.attr]


def calls() -> Iterator[tuple[str, str]]:
    """Method and path template of every call in the SDK's resources."""
    assert openai.__file__
    for file in sorted(Path(openai.__file__).parent.glob("resources/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VERBS:
                template = node.args[0].args[0] if isinstance(node.args[0], ast.Call) else node.args[0]
                yield verb(node), ast.literal_eval(template)


CALLS = sorted(set(calls()))


def test_the_sdk_was_read() -> None:
    assert len(CALLS) > 300
    assert {("POST", "/chat/completions"), ("GET", "/models/{model}"), ("POST", "/responses?beta=true")} < set(CALLS)


def failure(method: str, path: str) -> Failure | None:
    """How the call fails; None if it is served."""
    try:
        routes.find(method, path, {})
    except ProxyError as error:
        return error.failure
    return None


@pytest.mark.parametrize(("method", "template"), CALLS, ids=[" ".join(call) for call in CALLS])
def test_every_call_of_the_sdk_is_served_or_refused_by_name(method: str, template: str) -> None:
    path = "/v1" + template.replace("{", "").replace("}", "-1")
    assert failure(method, path) in (None, UNSUPPORTED_ENDPOINT)


def test_no_path_is_named_twice() -> None:
    assert len(set(PATHS)) == len(PATHS)
    assert not [path for path in PATHS if not path.startswith("/v1/") or path.endswith(("/", "."))]
