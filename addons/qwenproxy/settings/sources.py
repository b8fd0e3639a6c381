"""Where settings are written: environment, TOML file, command line.  Raw values out, each with the place it is from."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

PREFIX = "QWENPROXY_"
CONFIG = "QWENPROXY_CONFIG"
WORKER = "QWENPROXY_WORKER"
"""The variable with the number that a launcher gives to its worker."""
OPTION = "qwen_"
FILE_NAME = "qwenproxy.toml"

_SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP)|PORT=(tcp|udp|sctp)://")
"""How the variables go on, and begin, that Kubernetes gives to each container about a Service called `qwenproxy`."""
_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


class Rank(IntEnum):
    """Which source wins: the higher one."""

    FILE = 1
    SHARED = 2
    """A variable that other programs read too."""
    ENVIRONMENT = 3
    OPTION = 4


class Given(NamedTuple):
    """One setting as it was written."""

    name: str
    raw: object
    source: str
    """The place, in words for an error message."""
    rank: Rank
    folder: Path
    """What a relative path in it is relative to."""


def given(
    environ: Mapping[str, str],
    cwd: Path,
    options: Mapping[str, object],
    names: Sequence[str],
    shared: Mapping[str, str],
) -> Iterator[Given]:
    """All that was given for *names*, the weakest first.

    *options* are mitmproxy's or the command line's, by a setting's name; *shared* names a setting for each variable
    that other programs read too, the strongest first.  Raises ValueError for a name that is no setting, and for a file
    that cannot be read.
    """
    yield from _from_file(environ, cwd, names)
    yield from _from_shared(environ, cwd, shared)
    yield from _from_environment(environ, cwd, names)
    for name, raw in options.items():
        source = f"option {OPTION}{name}"
        _known(name, names, source, OPTION)
        text = ",".join(raw) if isinstance(raw, Sequence) and not isinstance(raw, str) else raw
        yield Given(name, text, source, Rank.OPTION, cwd)


def home_path(text: str, environ: Mapping[str, str], folder: Path) -> Path:
    """The path *text*, `~` being the user's home, as an absolute one."""
    if text == "~" or text.startswith("~/"):
        return Path(environ.get("HOME") or Path.home(), text[2:])
    return folder / text


def lines(path: Path, source: str) -> list[str]:
    """The lines of a file of keys, without `#` comments and blank ones.  Raises ValueError."""
    text = read(path, source)
    return [line for part in text.splitlines() if (line := part.strip()) and not line.startswith("#")]


def _from_environment(environ: Mapping[str, str], cwd: Path, names: Sequence[str]) -> Iterator[Given]:
    variables = {PREFIX + name.upper(): name for name in names}
    for variable, text in environ.items():
        if variable.startswith(PREFIX) and variable not in (CONFIG, WORKER) and not _is_service_link(variable, text):
            _known(variable, [*variables, CONFIG], variable)
            if text.strip():  # an empty variable is one that was not set: it must not open what the file closes
                yield Given(variables[variable], text, variable, Rank.ENVIRONMENT, cwd)


def _is_service_link(variable: str, text: str) -> bool:
    return _SERVICE_LINK.match(f"{variable.removeprefix(PREFIX)}={text}") is not None


def _from_shared(environ: Mapping[str, str], cwd: Path, shared: Mapping[str, str]) -> Iterator[Given]:
    for variable, name in reversed(list(shared.items())):
        if text := environ.get(variable, "").strip():
            yield Given(name, text, variable, Rank.SHARED, cwd)


def _from_file(environ: Mapping[str, str], cwd: Path, names: Sequence[str]) -> Iterator[Given]:
    path = settings_file(environ, cwd)
    if path is None:
        return
    for name, raw in _toml(path).items():
        source = f"{path}: {name}"
        _known(name, names, source)
        yield Given(name, raw, source, Rank.FILE, path.parent)


def settings_file(environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The one file in use: the named one, else the folder's, else the user's."""
    if named := environ.get(CONFIG, "").strip():
        path = home_path(named, environ, cwd)
        if not path.is_file():
            raise ValueError(f"{CONFIG}: there is no file {path}")
        return path
    user = environ.get("XDG_CONFIG_HOME") or home_path("~/.config", environ, cwd)
    places = (cwd / FILE_NAME, Path(user, "qwenproxy", FILE_NAME))
    return next((path for path in places if path.is_file()), None)


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read(path, "settings").removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        place = _AT_LINE.search(str(error))
        where = f"{path}:{place[1]}:{place[2]}" if place else str(path)
        raise ValueError(f"{where}: {_AT_LINE.sub('', str(error))}") from None


def read(path: Path, source: str) -> str:
    """The text of the file that *source* names.  Raises ValueError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{source}: {path}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{source}: {path}: not UTF-8 text") from None


def _known(name: str, names: Sequence[str], source: str, prefix: str = "") -> None:
    if name not in names:
        near = get_close_matches(name, names, n=1, cutoff=0.0)
        raise ValueError(f"{source}: no such setting; the nearest is {prefix}{near[0]}")
