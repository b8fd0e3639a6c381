"""What was chosen for a setting, and where that was written; files of keys are read, passwords parted off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from qwenproxy import redis_urls
from qwenproxy.settings import sources, values
from qwenproxy.settings.sources import Given, Rank
from qwenproxy.settings.values import Kind, Secret


class Choice(NamedTuple):
    """The value that holds so far, and where it is from; `password`: what was in it and is not to be shown."""

    value: Any
    given: Given
    password: Secret = Secret()


def read(kind: Kind[Any], given: Given, environ: Mapping[str, str]) -> Choice:
    """What *given* says.  Raises ValueError, which names the place and what is expected there."""
    try:
        value = kind.parse(given.raw)
    except ValueError as error:
        wrong = f", not {given.raw!r}" if kind.quoted else ""
        reason = f" ({error})" if str(error) else ""
        raise ValueError(f"{given.source}: expected {kind.expected}{wrong}{reason}") from None
    password = ""
    if kind.parted is not None:
        value, password = kind.parted(value)
    if password and given.rank is Rank.OPTION:
        variable = f"{sources.PREFIX}{given.name.upper()}"
        raise ValueError(f"{given.source}: others can see an option, and the password in it: set {variable} instead")
    return Choice(expanded(kind, value, environ, given.folder), given, Secret(password))


def expanded(kind: Kind[Any], value: Any, environ: Mapping[str, str], folder: Path) -> Any:
    """*value* with the paths in it made absolute."""
    return kind.placed(value, lambda text: str(sources.home_path(text, environ, folder))) if kind.placed else value


def read_key_file(chosen: dict[str, Choice]) -> None:
    """Let what the file holds be the key; forget the file if a stronger source says a key.  Raises ValueError."""
    key, file = chosen.get("api_key"), chosen.get("api_key_file")
    if file is None or not file.value:
        return
    if key and key.given.rank > file.given.rank:
        del chosen["api_key_file"]
        return
    if key and key.given.rank == file.given.rank:
        raise ValueError(f"{key.given.source}, {file.given.source}: give one of the two")
    text = sources.read(Path(file.value), file.given.source)
    found = read(values.KEY, file.given._replace(name="api_key", raw=text), {})
    if not found.value:
        raise ValueError(f"{file.given.source}: {file.value}: there is no key in it")
    chosen["api_key"] = found


def read_keys_file(chosen: dict[str, Choice], name: str, kind: Kind[Any]) -> None:
    """Add the keys in the file of the setting *name* to those that were given by themselves.  Raises ValueError."""
    keys, file = chosen.get(name), chosen.get(f"{name}_file")
    if file is None or not file.value:
        return
    lines = sources.lines(Path(file.value), file.given.source)
    if not lines:  # to read it as "any key will do" would open the proxy
        raise ValueError(f"{file.given.source}: {file.value}: there is no key in it")
    found = read(kind, file.given._replace(name=name, raw=lines), {})
    chosen[name] = found._replace(value=(*keys.value, *found.value)) if keys else found


def check_files_of_state(chosen: dict[str, Choice]) -> None:
    """See that the files for TLS are there that the address of the state names.  Raises ValueError."""
    state = chosen.get("state")
    if state is None:
        return
    for name, file in redis_urls.files(state.value).items():
        try:
            Path(file).open("rb").close()
        except OSError as e:
            raise ValueError(f"{state.given.source}: {name}: {file}: {e.strerror or 'cannot be read'}") from None


def take_password(chosen: dict[str, Choice]) -> None:
    """Let the password in the address of the state be a setting of its own.  Raises ValueError if there are two."""
    state, password = chosen.get("state"), chosen.get("state_password")
    if state is None or not state.password:
        return
    if password is not None and password.value:
        raise ValueError(f"{state.given.source}, {password.given.source}: there is a password in both: give one")
    chosen["state_password"] = state._replace(value=state.password)
