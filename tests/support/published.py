"""OpenAI's published schema of the Responses API, by the table in `tests/golden/responses.schema`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).parents[1] / "golden" / "responses.schema"
PLAIN: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "num": (int, float),
    "bool": (bool,),
    "obj": (dict,),
}
BY_TYPE = ("item", "part")
"""Kinds of which there are several, told apart by their `type`."""
FIELD = re.compile(r"(\w+)(\??)=(.+)")


class Field(NamedTuple):
    """One field of an object."""

    kind: str
    optional: bool


def _read() -> tuple[dict[str, dict[str, Field]], dict[str, str]]:
    """The objects of the table, each with its fields, and the names of kinds that are none."""
    objects: dict[str, dict[str, Field]] = {}
    aliases: dict[str, str] = {}
    for line in TABLE.read_text().splitlines():
        name, colon, rest = line.partition(": ")
        if line.startswith("#") or not colon:
            continue
        fields = [FIELD.fullmatch(word) for word in rest.split()]
        if all(fields):
            objects[name] = {field[1]: Field(field[3], bool(field[2])) for field in fields if field is not None}
        else:
            aliases[name] = rest
    return objects, aliases


OBJECTS, ALIASES = _read()


def faults(value: Any, kind: str, at: str = "") -> list[str]:
    """What is wrong with *value*, which is to be of this *kind*; *at*: where it stands."""
    kind = ALIASES.get(kind, kind)
    if kind.endswith("?"):
        return [] if value is None else faults(value, kind[:-1], at)
    if "|" in kind:
        tried = [faults(value, one, at) for one in kind.split("|")]
        return [] if [] in tried else [f"{at}: {value!r} is not {kind}"]
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{at}: no list"]
        return [fault for place, one in enumerate(value) for fault in faults(one, kind[1:-1], f"{at}[{place}]")]
    return _plain(value, kind, at)


def _plain(value: Any, kind: str, at: str) -> list[str]:
    if kind == "any":
        return []
    if kind.startswith('"'):
        return [] if value == kind.strip('"') else [f"{at}: {value!r} is not {kind}"]
    if kind in PLAIN:
        fits = isinstance(value, PLAIN[kind]) and (kind == "bool" or not isinstance(value, bool))
        return [] if fits else [f"{at}: {value!r} is not {kind}"]
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no {kind}"]
    name = f"{kind}.{value.get('type')}" if kind in BY_TYPE else kind
    if name not in OBJECTS:
        return [f"{at}: there is no {name}"]
    return _object(value, name, at)


def _object(value: Mapping[str, Any], name: str, at: str) -> list[str]:
    found: list[str] = []
    for field, (kind, optional) in OBJECTS[name].items():
        if field in value:
            found += faults(value[field], kind, f"{at}.{field}")
        elif not optional:
            found.append(f"{at}.{field}: missing")
    return found


def event_faults(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with *event*."""
    name = f"event.{event.get('type')}"
    if name not in OBJECTS:
        return [f"there is no {name}"]
    return [*faults(event.get("sequence_number"), "int", "sequence_number"), *_object(event, name, name)]
