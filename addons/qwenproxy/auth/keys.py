"""Where an API key may come from: a table of places, in the order in which they are asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import urlsplit

from qwenproxy import faces, hostnames, plans
from qwenproxy.auth import qwencode
from qwenproxy.settings import ROWS, Settings, values
from qwenproxy.settings.values import Secret

VARIABLES = tuple(variable for plan in plans.VENDORS for variable in plan.variables)
"""Of the environment, and of Qwen Code's settings; each means a plan."""


class FoundKey(NamedTuple):
    """A key, the API that it is for, and where it is from, in words that name no secret."""

    key: Secret
    base_url: str
    source: str


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look, and whom to tell what is wrong there."""

    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    note: Callable[[str], object]


def find(
    settings: Settings, environ: Mapping[str, str], note: Callable[[str], object] = lambda note: None
) -> list[FoundKey]:
    """All keys there are, the one to use first.

    Never raises: *note* is told in one sentence each what could not be read.
    """
    search = Search(settings, environ, note)
    found: dict[tuple[Secret, str], FoundKey] = {}
    for place in PLACES:
        for key in place(search):
            found.setdefault((key.key, key.base_url), key)
    return list(found.values())


def _of_settings(search: Search) -> Iterator[FoundKey]:
    """`api_key` and `api_key_file`, with the variables that other programs read too."""
    key, source = search.settings.api_key, search.settings.sources.get("api_key", "api_key")
    if key:
        yield FoundKey(key, _address(search, key, source), source)


def _of_environment(search: Search) -> Iterator[FoundKey]:
    """The vendor's variables, each: the settings take but one key, which is all that somebody's own server may get."""
    named = search.settings.upstream
    if named and plans.kind_of(named) in plans.KEYLESS:
        return
    for variable in dict.fromkeys((*ROWS["api_key"].shared, *VARIABLES)):
        if key := _key(search, search.environ.get(variable, ""), variable):
            yield FoundKey(key, _address(search, key, variable), variable)


def _of_qwen_code(search: Search) -> Iterator[FoundKey]:
    """The settings file of Qwen Code.

    A key in it goes to the address beside it and to no other, and only if that is Qwen's or in `allowed_hosts`: Qwen
    Code keeps other vendors' keys there too.
    """
    file = qwencode.path(search.environ)
    try:
        found = qwencode.entries(qwencode.read(file), search.environ)
    except ValueError as e:
        search.note(f"{file}: {e}; the keys in it are not used.")
        return
    used = False
    for entry in found:
        in_file = entry.place not in search.environ
        source = f"{file}: {entry.place}" if in_file else entry.place
        base_url = _admitted(search, entry)
        if base_url and (key := _key(search, entry.key.reveal(), source)):
            used = used or in_file
            yield FoundKey(key, base_url, source)
    if used and qwencode.is_open(file):
        search.note(f"{file}: others may read it, and there is an API key in it: chmod 600 {file}")


PLACES: tuple[Callable[[Search], Iterator[FoundKey]], ...] = (_of_settings, _of_environment, _of_qwen_code)
"""The strongest first."""


def _address(search: Search, key: Secret, source: str) -> str:
    """The upstream that was named, else what the key says."""
    named = search.settings.upstream
    return faces.trimmed(named) if named else plan_of_key(key.reveal(), source).base_url


def _key(search: Search, text: str, source: str) -> Secret:
    try:
        return values.KEY.parse(text)
    except ValueError:
        search.note(f"{source}: it holds a character that a key cannot have; it is not used.")
        return Secret()


def _admitted(search: Search, entry: qwencode.Entry) -> str:
    """The address of the OpenAI face that *entry*'s key is for; "" if it is not the upstream, or not Qwen's."""
    base_url = _written(entry)
    named = search.settings.upstream
    host = urlsplit(base_url).hostname or ""
    if named:
        return faces.trimmed(named) if host and host == urlsplit(named).hostname else ""
    if plans.kind_of(base_url) in plans.VENDORS:
        return faces.face_url(base_url, "compatible") if base_url.startswith("https://") else ""
    return base_url if any(hostnames.stands_for(pattern, host) for pattern in search.settings.allowed_hosts) else ""


def _written(entry: qwencode.Entry) -> str:
    """The address that *entry* says, or that its variable stands for; "" if there is none that can be used."""
    try:
        base_url = values.URL.parse(entry.base_url)
    except ValueError:
        return ""
    variable = entry.place.rpartition(".")[2]
    return base_url or (plan_of_key(entry.key.reveal(), variable).base_url if variable in VARIABLES else "")


def plan_of_key(key: str, variable: str = "") -> plans.Plan:
    """The best guess for an API key without a base URL, by its beginning and the environment variable that held it.

    Coding Plan and Token Plan begin their keys alike, so the variable counts more than the length of what fits.
    """
    starts = [(plan, start) for plan in plans.PLANS for start in plan.keys if start and key.startswith(start)]
    if starts:
        plan = max(starts, key=lambda fit: (variable in fit[0].variables, len(fit[1])))[0]
        return replace(plan, base_urls=tuple(_in_workspace(url, key) for url in plan.base_urls))
    return next((plan for plan in plans.PLANS if variable in plan.variables), plans.STANDARD)


def _in_workspace(url: str, key: str) -> str:
    """*url* with the workspace that a key such as sk-ws-H.<workspace>.<suffix>.<certificate> names."""
    return url.replace("{workspace}", ([*key.split("."), ""])[1] or "dashscope")
