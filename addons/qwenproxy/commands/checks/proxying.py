"""The proxy variables of the shell: where they lead, and whether the calls of apps get to us."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

from qwenproxy import hostnames
from qwenproxy.commands.checks import listeners
from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.commands.launch import addresses, bypass, variables
from qwenproxy.commands.launch.addresses import ProxyAddress

type State = Literal["ours", "openai", "nobody", "other", "unknown"]
"""Who is there; `openai`: our local OpenAI, which is no HTTPS proxy; `unknown`: nobody has looked."""

NAME = "proxy"
BYPASS = "no-proxy"
BASE_URL = "base-url"
FORM = "An HTTP proxy is named as http://127.0.0.1:8081."
ELSEWHERE = "Unset it, or set it to the local OpenAI: by default http://127.0.0.1:8080/v1."
LOCAL: Mapping[State, str] = {"openai": ", where qwenproxy's local OpenAI runs"}
EXEC = "`qwenproxy exec -- COMMAND` sets all of it for one command"
STATES: Mapping[listeners.Kind, State] = {
    "refused": "nobody",
    "nobody": "nobody",
    "proxy": "ours",
    "other proxy": "ours",
    "openai": "openai",
}


def addressed(environ: Mapping[str, str]) -> dict[str, ProxyAddress | None]:
    """The proxy variables that are set, and what they name; None if that is no HTTP proxy."""
    given = {name: text for name in variables.PROXY if (text := environ.get(name, "").strip())}
    return {name: next(addresses.named({addresses.NAMES[0]: text}), None) for name, text in given.items()}


async def look(environ: Mapping[str, str], pem: bytes, limit: float, *, offline: bool) -> dict[ProxyAddress, State]:
    """Who is at the addresses that *environ* names; *limit*: seconds for each.  *offline*: only on this machine."""
    wanted = [address for address in dict.fromkeys(addressed(environ).values()) if address is not None]
    states = await asyncio.gather(*(_state(address, pem, limit, offline) for address in wanted))
    return dict(zip(wanted, states, strict=True))


async def look_local(environ: Mapping[str, str], pem: bytes) -> State:
    """Who is at the base URL that *environ* names; `unknown` if that is not on this machine."""
    address = addresses.read(environ.get(variables.BASE_URL, "").strip())
    if address is None or not hostnames.is_loopback(address.host):
        return "unknown"
    return await _here(address.port, pem)


async def _here(port: int, pem: bytes) -> State:
    return STATES.get((await listeners.occupant(port, pem)).kind, "other")


async def _state(address: ProxyAddress, pem: bytes, limit: float, offline: bool) -> State:
    if hostnames.is_loopback(address.host):
        return await _here(address.port, pem)
    if offline:
        return "unknown"
    with suppress(OSError, UnicodeError):  # TimeoutError is an OSError
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(address.host, address.port)
        writer.close()
        return "other"
    return "nobody"


def proxying(
    environ: Mapping[str, str],
    hosts: Sequence[str],
    states: Mapping[ProxyAddress, State],
    local: State = "unknown",
) -> Iterator[Finding]:
    """About *environ*; *hosts* are the patterns of what is intercepted.

    *states* is what `look` has found, *local* what `look_local` has.
    """
    named = addressed(environ)
    if not named:
        yield ok(NAME, f"no proxy variable is set: apps get to qwenproxy by their base URL; {EXEC}")
    for name in (name for name, address in named.items() if address is None):
        yield warn(NAME, f"{name} names no HTTP proxy", f"Apps that heed it fail, or do not get to qwenproxy.  {FORM}")
    yield from disagreeing(named)
    for address, state in states.items():
        names = [name for name, each in named.items() if each == address]
        yield leading(" and ".join(names), address, state)
    yield from bypassing(environ, hosts, states)
    yield from base_url(environ, hosts, local)


def disagreeing(named: Mapping[str, ProxyAddress | None]) -> Iterator[Finding]:
    """Warnings about variables that name one proxy in upper case, and another in lower case."""
    for name in (name for name in named if name.isupper()):
        lower = name.lower()
        if lower in named and named[lower] != named[name]:
            shown = [address.url if address else "no HTTP proxy" for address in (named[name], named[lower])]
            what = f"{name} and {lower} disagree ({shown[0]}, {shown[1]}), and apps differ in which they read"
            yield warn(NAME, what, "Set both to the same, or unset one.")


def leading(names: str, address: ProxyAddress, state: State) -> Finding:
    """About one address, which the variables *names* name."""
    there = f"{names}: {address.url}"
    if state == "ours":
        return ok(NAME, f"{there}, where qwenproxy's HTTPS proxy runs")
    if state == "openai":
        next = "Name the HTTPS proxy instead: by default http://127.0.0.1:8081."
        return fail(NAME, f"{there} is qwenproxy's local OpenAI, which is no HTTPS proxy", next)
    if state == "nobody":
        next = f"Start the proxy there (`qwenproxy run --proxy-port {address.port}`), or unset it.  {EXEC}."
        if not hostnames.is_loopback(address.host):
            next = "Correct or unset it."
        return fail(NAME, f"{there}, where nobody listens: all calls of apps that heed it fail", next)
    next = f"If apps are to be intercepted: {EXEC}; other hosts are then reached through that proxy."
    return warn(NAME, f"{there} is not qwenproxy", next)


def bypassing(
    environ: Mapping[str, str], hosts: Sequence[str], states: Mapping[ProxyAddress, State]
) -> Iterator[Finding]:
    """About NO_PROXY: whether it lets calls past us, or sends calls for this machine away."""
    given = variables.bypasses(environ)
    _, harmful = bypass.sorted_out(given, hosts)
    if harmful:
        what = f"NO_PROXY has {', '.join(harmful)}, which switches interception off"
        next = "Take it out: calls would go to OpenAI itself.  `qwenproxy exec` does so by itself."
        yield (fail if "ours" in states.values() else warn)(BYPASS, what, next)
    missing = [name for name in bypass.LOCAL if name not in given and "*" not in given]
    if missing and any(state in ("other", "unknown") for state in states.values()):
        what = f"NO_PROXY lacks {' and '.join(missing)}: calls of the local OpenAI go to that proxy"
        yield warn(BYPASS, what, f"NO_PROXY={','.join([*given, *missing])}")


def base_url(environ: Mapping[str, str], hosts: Sequence[str], local: State) -> Iterator[Finding]:
    """About OPENAI_BASE_URL, which the official SDKs read; *local*: who is there."""
    text = environ.get(variables.BASE_URL, "").strip()
    if not text:
        return
    with suppress(ValueError):
        parts = urlsplit(text)
        shown = f"{variables.BASE_URL} is {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        if not _gets_here(parts.hostname or "", hosts) or local == "other":
            yield warn(BASE_URL, f"{shown}: apps that heed it call that, not the proxy", ELSEWHERE)
        elif local == "nobody":
            next = f"Start the proxy there (`qwenproxy run --port {parts.port or 80}`), or unset it."
            yield fail(BASE_URL, f"{shown}, where nobody listens: all calls of apps that heed it fail", next)
        elif local == "ours":
            yield fail(BASE_URL, f"{shown}, which is qwenproxy's HTTPS proxy, not its local OpenAI", ELSEWHERE)
        elif not parts.path.rstrip("/").endswith("/v1"):
            yield warn(BASE_URL, f"{shown}, without /v1", "It must end in /v1.")
        else:
            yield ok(BASE_URL, f"{shown}{LOCAL.get(local, '')}")
        return
    yield warn(BASE_URL, f"{variables.BASE_URL} is no address", "Unset it, or set it to http://127.0.0.1:8080/v1.")


def _gets_here(host: str, hosts: Iterable[str]) -> bool:
    return hostnames.is_loopback(host) or any(hostnames.stands_for(pattern, host) for pattern in hosts)
