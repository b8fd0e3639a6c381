"""JSON schemas of arguments, and what does not fit them: checked in bounded time, whoever wrote the schema."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import orjson
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError, validators
from jsonschema.exceptions import SchemaError, UndefinedTypeCheck, UnknownType
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from qwenproxy.wire.openai import Json

LARGEST = 64 << 10
"""Bytes that a schema may have: it goes along with every request."""
STEPS = 20_000
"""Keywords that one check may look at: references can be nested so that there is no end to them."""
SHOWN = 5
QUOTED = 200
UNCHECKED = ("pattern", "patternProperties", "uniqueItems", "unevaluatedProperties", "unevaluatedItems", "format")
"""Their time is not bound by the size of what they check (an expression can run for ever): left to the tool."""

type Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]

_steps: ContextVar[int] = ContextVar("steps", default=0)


class Exhausted(Exception):
    """A check took more steps than it may."""


def _counted(check: Keyword) -> Keyword:
    def counting(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        _steps.set(_steps.get() - 1)
        if _steps.get() < 0:
            raise Exhausted
        yield from check(validator, value, instance, schema) or ()

    return counting


def _unchecked(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> Iterable[ValidationError]:
    return ()


def _unless_patterns(check: Keyword) -> Keyword:
    """`additionalProperties` means those that no pattern allows, and patterns are not looked at."""
    return lambda validator, value, instance, schema: (
        () if "patternProperties" in schema else check(validator, value, instance, schema)
    )


def _bounded(validator: type[Validator]) -> type[Validator]:
    known: Mapping[str, Keyword] = validator.VALIDATORS
    keywords = dict(known) | {"additionalProperties": _unless_patterns(known["additionalProperties"])}
    keywords |= dict.fromkeys(UNCHECKED, _unchecked)
    extend: Callable[..., type[Validator]] = validators.extend
    return extend(validator, {name: _counted(check) for name, check in keywords.items()})


_CURRENT = _bounded(Draft202012Validator)
_DRAFTS = {"http://json-schema.org/draft-07/schema": (Draft7Validator, _bounded(Draft7Validator))}
"""What `$schema` says, for drafts that read the same words in another way."""


class Schema:
    """The schema of a tool's arguments.  Raises ValueError if it is none, or describes something else than an object.

    References lead to its own parts only: nothing is fetched.
    """

    def __init__(self, document: Json) -> None:
        dialect = document.get("$schema")
        draft, bounded = _DRAFTS.get(dialect.rstrip("#") if isinstance(dialect, str) else "", (None, _CURRENT))
        try:
            if len(orjson.dumps(document)) > LARGEST:
                raise ValueError(f"its schema has more than {LARGEST >> 10} KiB")
            (draft or Draft202012Validator).check_schema(document)
        except (SchemaError, orjson.JSONEncodeError, RecursionError) as error:
            raise ValueError(f"its schema is none: {_short(str(error).partition(chr(10))[0])}") from None
        if document.get("type", "object") != "object":
            raise ValueError("its schema describes no object")
        self.document = document
        self._validator = bounded(document, registry=Registry())

    def complaints(self, arguments: Json) -> list[str]:
        """What does not fit, a line for each fault, the first few."""
        token = _steps.set(STEPS)
        try:
            found: list[str] = []
            for error in self._validator.iter_errors(arguments):
                found.append(f"{error.json_path}: {_short(error.message)}")
                if len(found) == SHOWN:
                    break
        except (Exhausted, RecursionError):
            return ["$: too much to check against the tool's schema"]
        except (UnknownType, UndefinedTypeCheck, Unresolvable) as error:
            return [f"$: the tool's schema cannot be used: {_short(str(error).strip().partition(chr(10))[0])}"]
        finally:
            _steps.reset(token)
        return found


def _short(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[: QUOTED // 2]} … {text[-QUOTED // 2 :]}"
