"""What Qwen Code keeps in its settings file: API keys, each with the address that it is for.

Since version 4 it signs in with keys only.  The shapes are those of its user documentation and source, read 2026-11-22:

    {"env": {"NAME": key}, "modelProviders": {"openai": [{"id", "baseUrl", "envKey"}]},
     "model": {"name", "baseUrl"}, "security": {"auth": {"apiKey", "baseUrl"}}}

The file is JSON with comments, written by people too: what is not of these shapes is passed over.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

import orjson

from qwenproxy.settings import sources
from qwenproxy.settings.values import Secret

FILE_NAME = "settings.json"
LARGEST = 4 * 1024 * 1024  # bytes; a settings file has a few thousand
OTHERS = 0o077  # permissions of group and others
OF_APPS = "OPENAI_"
"""What variables of the environment begin with that apps read: their own keys are never used."""

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


class Entry(NamedTuple):
    """A key as it was written, for the address *base_url*; "" if none was."""

    key: Secret
    base_url: str
    place: str
    """Where in the file, or the variable of the environment."""


def path(environ: Mapping[str, str]) -> Path:
    """Where the file is; QWEN_HOME moves its folder."""
    folder = sources.home_path(environ.get("QWEN_HOME", "").strip() or "~/.qwen", environ, Path.cwd())
    return folder / FILE_NAME


def read(file: Path) -> Any:
    """The file's value; None if there is no file.  Raises ValueError, which says what is wrong with it."""
    try:
        about = file.stat()
        if not S_ISREG(about.st_mode) or about.st_size > LARGEST:
            raise ValueError("it is no file of settings")
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as e:
        raise ValueError(e.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    return value_of(text)


def value_of(text: str) -> Any:
    """The value of JSON with comments and trailing commas.  Raises ValueError."""
    for left_out in (_COMMENT, _LAST_COMMA):
        text = left_out.sub(lambda found: found[1] or " ", text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as e:
        raise ValueError(f"it is no JSON: {e.msg} in line {e.lineno}") from None


def is_open(file: Path) -> bool:
    """Whether others than the owner may read the file."""
    try:
        return bool(file.stat().st_mode & OTHERS)
    except OSError:
        return False


def entries(value: Any, environ: Mapping[str, str]) -> list[Entry]:
    """The keys in the file's *value*: that of the chosen model first, then the others as they stand there."""
    settings = _dict(value)
    given, model = _dict(settings.get("env")), _dict(settings.get("model"))
    models = _models(settings)
    chosen = [found for found in models if _is_chosen(found[1], model)]
    others = [found for found in models if not _is_chosen(found[1], model)]
    found = [
        *_of_models(chosen, given, environ),
        *_of_auth(settings, environ),
        *_of_models(others, given, environ),
        *_of_env(given, environ),
    ]
    addressed = {entry.key.reveal() for entry in found if entry.base_url}
    told: dict[tuple[str, str], Entry] = {}
    for entry in found:
        key = entry.key.reveal()
        if key and (entry.base_url or key not in addressed):
            told.setdefault((key, entry.base_url), entry)
    return list(told.values())


def _models(settings: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The models of every provider, with the place of each.  A provider is a list of them, or was once an object."""
    found = []
    for provider, listed in _dict(settings.get("modelProviders")).items():
        models = _dict(listed).get("models", listed)
        for index, model in enumerate(models if isinstance(models, list) else []):
            found.append((f"modelProviders.{provider}[{index}]", _dict(model)))
    return found


def _is_chosen(model: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    name, base_url = _text(chosen.get("name")), _text(chosen.get("baseUrl"))
    return bool(name) and model.get("id") == name and base_url in ("", model.get("baseUrl"))


def _of_models(
    models: list[tuple[str, Mapping[str, Any]]], given: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[Entry]:
    """The keys that models name by a variable, which the environment gives before the file."""
    for place, model in models:
        variable = _text(model.get("envKey"))
        base_url = _filled(model.get("baseUrl"), environ)
        if variable and (key := _of_environment(variable, environ)):
            yield Entry(Secret(key), base_url, variable)
        elif variable:
            yield Entry(_secret(given.get(variable), environ), base_url, f"{place}, env.{variable}")


def _of_auth(settings: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Entry]:
    auth = _dict(_dict(settings.get("security")).get("auth"))
    yield Entry(_secret(auth.get("apiKey"), environ), _filled(auth.get("baseUrl"), environ), "security.auth.apiKey")


def _of_env(given: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Entry]:
    for variable, text in given.items():
        yield Entry(_secret(text, environ), "", f"env.{variable}")


def _of_environment(variable: str, environ: Mapping[str, str]) -> str:
    return "" if variable.startswith(OF_APPS) else environ.get(variable, "").strip()


def _secret(raw: Any, environ: Mapping[str, str]) -> Secret:
    return Secret(_filled(raw, environ))


def _filled(raw: Any, environ: Mapping[str, str]) -> str:
    """A text, with what the environment has for `$NAME` and `${NAME}` in it; "" if it has not all of them."""
    text = _text(raw)
    values = {found[0]: _of_environment(found[1] or found[2], environ) for found in _VARIABLE.finditer(text)}
    return _VARIABLE.sub(lambda found: values[found[0]], text) if all(values.values()) else ""


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
