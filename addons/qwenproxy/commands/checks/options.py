"""mitmproxy's own options, in the folder where it keeps its authority: what of them stands in the way."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.commands.launch import joining

NAME = "options"
FILES = ("config.yaml", "config.yml")
OWN = "qwen_"

ODD: Mapping[str, tuple[object, str]] = {
    "server": (True, "(false) has the proxy listen nowhere"),
    "http2": (True, "(false) has apps that speak HTTP/2 only fail"),
    "validate_inbound_headers": (True, "(false) lets in requests that can be read in two ways"),
    "proxyauth": (None, "has the HTTPS proxy ask apps for a password"),
    "certs": ([], "has apps shown other certificates than the authority's"),
    "save_stream_file": (None, "writes all prompts and answers to a file"),
    "hardump": ("", "writes all prompts and answers to a file"),
    "scripts": ([], "runs programs that can do all that the proxy can"),
    "modify_headers": ([], "changes what apps send and get"),
    "modify_body": ([], "changes what apps send and get"),
    "map_remote": ([], "changes what apps send"),
    "map_local": ([], "answers in the proxy's place"),
}
"""Options with which the proxy works -> what they usually are, and what any other value does."""


class Found(NamedTuple):
    """What is in mitmproxy's *folder*: the *file* with its options, if there is one, and what is in it."""

    folder: Path
    file: Path | None = None
    options: Mapping[str, Any] = {}
    error: str = ""

    @property
    def authority(self) -> Path:
        """Where the authority is: the options may name another folder for it."""
        return Path(str(self.options.get("confdir") or self.folder)).expanduser()


def read(folder: Path | None = None) -> Found:
    """What mitmproxy reads in *folder*, by default its own.  Never raises."""
    place = joining.AUTHORITY.expanduser().parent if folder is None else folder.expanduser()
    file = next((path for name in FILES if (path := place / name).exists()), None)
    if file is None:
        return Found(place)
    try:
        from mitmproxy import exceptions, optmanager  # here only: a broken one is told of by `mitmproxy`
    except ImportError:
        return Found(place, file)
    try:
        found = optmanager.parse(file.read_text(encoding="utf-8"))
    except (exceptions.OptionsError, OSError, ValueError) as e:
        return Found(place, file, error=str(e).partition("\n")[0])  # it goes on to quote the file
    if not isinstance(found, dict):
        return Found(place, file, error="it is no list of names and values")
    return Found(place, file, found)


def options(found: Found) -> Iterator[Finding]:
    """About the options *found*."""
    if found.error:
        yield fail(NAME, f"{found.file} cannot be read: {found.error}", "Correct or remove it: nothing starts with it.")
    elif found.file is None:
        yield ok(NAME, f"no {FILES[0]} in {found.folder}: mitmproxy's are as the proxy sets them")
    elif odd := [*closing(found), *noted(found)]:
        yield from odd
    else:
        yield ok(NAME, f"{found.file}: nothing in it stands in the way")


def closing(found: Found) -> Iterator[Finding]:
    """About those with which the proxy refuses to start."""
    try:
        from qwenproxy.flows import guard  # here only: it needs mitmproxy
    except ImportError:
        return
    for name, value in found.options.items():
        harm = guard.harm(name, value) if name in guard.HOLES else guard.OWN_HOSTS if name == "allow_hosts" else ""
        if harm:
            yield fail(NAME, f"{found.file}: {name} {harm}", "Remove it: the proxy does not start with it.")


def noted(found: Found) -> Iterator[Finding]:
    """About those with which it starts."""
    for name, value in found.options.items():
        usual, what = ODD.get(name, (value, ""))
        next = "Remove it, unless you mean it."
        if name.startswith(OWN):
            what = "holds over the environment and qwenproxy.toml, and what is said here goes by these"
            next = f"Remove it, and set {name.removeprefix(OWN)} there."
        elif name == "mode":
            what = "is not heeded by `qwenproxy run`, and by mitmdump instead of --set mode=..."
        elif name == "confdir":
            what = f"has the authority kept in {value}, which `qwenproxy exec --join` does not know"
        elif value == usual or not (value or usual):
            continue
        yield warn(NAME, f"{found.file}: {name} {what}", next)
