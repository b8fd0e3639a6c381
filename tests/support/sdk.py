"""Every method of the official client, and arguments that will do to call it: made up from its types."""

import inspect
import os
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import IO, Any, Literal, TypeVar, Union, get_args, get_origin, get_overloads

import openai
from openai._resource import SyncAPIResource
from openai._websocket_connection import WebSocketConnectionBase

MADE = "made-up-"
"""How a made-up text begins; in a path it stands for what it is called after."""
MODEL = "qwen3.7-plus"

NAMED: Mapping[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "schema": {"type": "object"},
}
"""Arguments that have to mean something."""
BESIDES: Mapping[str, Mapping[str, Any]] = {
    "responses.create": {"model": MODEL, "input": "Hello"},
    "responses.parse": {"model": MODEL, "input": "Hello"},
    "responses.stream": {"response_id": ..., "model": MODEL, "input": "Hello"},
    "responses.input_tokens.count": {"model": MODEL, "input": "Hello"},
    "responses.compact": {"model": MODEL, "input": "Hello"},
    "beta.responses.create": {"model": MODEL, "input": "Hello"},
    "beta.responses.compact": {"model": MODEL, "input": "Hello"},
    "conversations.items.create": {"items": [{"role": "user", "content": "Hello"}]},
    "embeddings.create": {"model": "text-embedding-v4", "encoding_format": "float"},
    "beta.agents.environments.files.upload": {"path": "/workspace/made-up.txt"},
    "beta.agents.sessions.artifacts.for_result": {"result": types.SimpleNamespace(session_id="s", turn_id="t")},
}
"""What some calls need though their types do not say so; an ellipsis: nothing after all."""


def methods(client: openai.OpenAI) -> dict[str, Callable[..., Any]]:
    """All methods of all resources, by their dotted names."""
    return dict(_methods(client, ()))


def _methods(resource: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in sorted(dir(type(resource))):
        if name.startswith(("_", "with_")):
            continue
        found = inspect.getattr_static(type(resource), name)
        if isinstance(found, cached_property | property):
            if isinstance(inner := getattr(resource, name), SyncAPIResource):
                yield from _methods(inner, (*path, name))
        elif inspect.isfunction(found) and path:
            yield ".".join((*path, name)), getattr(resource, name)


def arguments(name: str, method: Callable[..., Any]) -> dict[str, Any]:
    """Arguments for the required parameters of *method*, in the first of its forms."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    first = next(iter(get_overloads(function)), function)
    hints = typing.get_type_hints(first, vars(inspect.getmodule(function)), include_extras=True)
    wanted = [
        parameter.name
        for parameter in inspect.signature(first).parameters.values()
        if parameter.default is parameter.empty and parameter.name != "self" and parameter.kind not in _COLLECTING
    ]
    given = {each: made(each, hints[each]) for each in wanted} | dict(BESIDES.get(name, {}))
    return {each: value for each, value in given.items() if value is not ...}


_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def made(name: str, kind: Any) -> Any:
    """A value of the type *kind* for the parameter or field *name*."""
    if name in NAMED:
        return NAMED[name]
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is str or kind is Any or kind is object:
        return f"{MADE}{name}"
    if isinstance(kind, TypeVar) and kind.__bound__ is not None:
        return kind.__bound__()
    if typing.is_typeddict(kind):
        return {field: made(field, hint) for field, hint in required(kind)}
    return _composed(name, get_origin(kind), get_args(kind))


def required(kind: Any) -> Iterator[tuple[str, Any]]:
    """The fields that a TypedDict must have, and their types."""
    hints = typing.get_type_hints(kind)
    return ((field, hints[field]) for field in sorted(kind.__required_keys__))


def _composed(name: str, origin: Any, inner: Sequence[Any]) -> Any:
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return made(name, next((one for one in inner if one is str), inner[0]))
    if origin is tuple:
        return tuple(made(name, one) for one in inner)
    if origin in MAPPINGS:
        return {}
    if origin in LISTS:
        return [made(name, inner[0])]
    return None


PLAIN: Mapping[Any, Any] = {
    int: 1,
    float: 1.0,
    bool: False,
    bytes: b"made up",
    IO[bytes]: b"made up",
    os.PathLike[str]: __file__,
}
MAPPINGS = (dict, Mapping)
LISTS = (list, Sequence, Iterable)


def exhaust(answer: Any) -> None:
    """Reads *answer* to its end, if it comes bit by bit."""
    if isinstance(answer, AbstractContextManager):
        with answer as opened:
            if isinstance(opened, WebSocketConnectionBase):
                return  # nobody speaks on it before the client does
            for _ in opened:
                pass
