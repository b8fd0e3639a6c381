"""Whether the apps of this shell trust the proxy's authority, by the files that their variables name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from qwenproxy.commands.checks.authority import Authority
from qwenproxy.commands.checks.findings import Finding, ok, warn
from qwenproxy.commands.launch import trust, variables

NAME = "trust"
SET_ALL = '`eval "$(qwenproxy exec --env sh)"` sets all of them to files that hold it; `qwenproxy exec` does by itself.'


class Client(NamedTuple):
    """Who reads a variable, and whether the system's own list is what counts without it."""

    names: str
    by_system: bool


CLIENTS: Mapping[str, Client] = {
    "SSL_CERT_FILE": Client("openai-python, httpx, aiohttp, Go", True),
    "REQUESTS_CA_BUNDLE": Client("requests", False),
    "CURL_CA_BUNDLE": Client("curl", True),
    "NODE_EXTRA_CA_CERTS": Client("Node, bun", False),
}
"""What most apps go by."""


def trusting(found: Authority, environ: Mapping[str, str], *, intercepting: bool) -> Iterator[Finding]:
    """About the variables in *environ*; *intercepting*: a proxy variable leads to a proxy of ours."""
    named = {name: Path(environ[name]) for name in (*variables.REPLACING, *variables.ADDING) if environ.get(name)}
    inside = {name: certificates(path) for name, path in named.items()}
    for name, held in inside.items():
        if not held:
            what = f"{name} names {named[name]}, which holds no certificate that can be read"
            yield warn(NAME, what, "Apps that heed it trust nobody: correct or unset it.")
    if not intercepting:
        yield ok(NAME, "no proxy variable leads to qwenproxy: nothing in this shell has to trust the authority")
    elif found.certificate is None:
        yield warn(NAME, f"{found.folder} holds no authority that apps could trust", "See `authority` above.")
    else:
        yield from _sought(found.certificate, inside, named)


def _sought(
    wanted: x509.Certificate, inside: Mapping[str, Sequence[x509.Certificate]], named: Mapping[str, Path]
) -> Iterator[Finding]:
    """About the authority *wanted* in the files that are *named*."""
    holding = [name for name, held in inside.items() if wanted in held]
    for name in (name for name, held in inside.items() if held and name not in holding):
        who = f" ({CLIENTS[name].names})" if name in CLIENTS else ""
        yield warn(NAME, f"{name}{who}: the authority is not in {named[name]}", SET_ALL)
    for name in (name for name in holding if name in variables.REPLACING and len(inside[name]) == 1):
        what = f"{name}: {named[name]} holds the authority and nobody else, so apps trust no other host"
        yield warn(NAME, what, SET_ALL)
    system = wanted in certificates(*system_files())
    unset = [name for name in CLIENTS if name not in named and not (system and CLIENTS[name].by_system)]
    if unset:
        shown = ", ".join(f"{name} ({CLIENTS[name].names})" for name in unset)
        yield warn(NAME, f"not set, so that these do not trust the authority: {shown}", SET_ALL)
    if holding or system:
        places = [*holding, *(["the system's own list"] if system else [])]
        yield ok(NAME, f"the authority is trusted by {', '.join(places)}")


def system_files() -> list[Path]:
    """Where the system keeps its list; Python's own is not among them."""
    return [Path(path) for path in trust.SYSTEM]


def certificates(*paths: Path) -> list[x509.Certificate]:
    """All that can be read in *paths*, each once."""
    return list(dict.fromkeys(trust.certificates(trust.texts(paths))))
