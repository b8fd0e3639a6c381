"""The proxy's ports: free, taken by a proxy of ours, or by a stranger."""

import asyncio
import errno
import http.client
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.commands.checks.holders import TABLES, holder
from qwenproxy.commands.launch import joining

type Kind = Literal["nobody", "openai", "proxy", "other proxy", "stranger", "refused"]

HOST, HOST6 = "127.0.0.1", "::1"
TITLES = {"port": "local OpenAI", "proxy-port": "HTTPS proxy"}
OURS: Mapping[Kind, str] = {
    "openai": "qwenproxy's local OpenAI",
    "proxy": "qwenproxy's HTTPS proxy",
    "other proxy": "an HTTPS proxy of qwenproxy's with another authority than that in ~/.mitmproxy",
}


OTHER = (
    "Apps must trust the authority that it shows.  If it was started with `--set confdir=FOLDER`: `--confdir FOLDER`."
)


class Occupant(NamedTuple):
    """Who is at a port of this machine; *who* names a stranger as far as one can."""

    kind: Kind
    who: str = ""


def listener(option: str, port: int, found: Occupant) -> Finding:
    """About the *port* that `qwenproxy run` takes for `--`*option*."""
    title = TITLES[option]
    other = port + 1000 if port + 1000 < 65536 else port - 1000
    elsewhere = f"`qwenproxy run --{option} {other}` takes another one."
    if found.kind == "nobody":
        return ok(option, f"{port} is free for the {title}")
    if found.kind == "refused":
        return fail(option, f"{port} may not be taken: {found.who}", elsewhere)
    if found.kind == "stranger":
        who = found.who or "somebody else"
        known = "" if found.who else f"`ss -ltnp sport = :{port}` or `lsof -i :{port}` tells who it is.  "
        return fail(option, f"{port}, for the {title}, is taken by {who}", f"{known}End that, or: {elsewhere}")
    if found.kind == "other proxy":
        return warn(option, f"{port}: {OURS[found.kind]} runs there", OTHER)
    return ok(option, f"{port}: {OURS[found.kind]} runs there")


def beside(option: str, port: int, found: Occupant, other: Occupant) -> Iterator[Finding]:
    """About *other*, who is at the same *port* of [::1], where `localhost` may lead first; *found*: as `listener`."""
    where = f"{port} at [{HOST6}]"
    if other.kind in ("nobody", "refused") or other == found:
        return
    if other.kind in OURS:
        yield ok(option, f"{where}: {OURS[other.kind]} runs there")
        return
    what = f"{where}, where `localhost` may lead, is taken by {other.who or 'somebody else'}"
    yield fail(option, what, f"Apps would send it prompts and keys: end it, or have them call {HOST}:{port} instead.")


async def occupant(port: int, pem: bytes, host: str = HOST) -> Occupant:
    """Who is at *port* of *host*; *pem* is the user's own authority, if there is one.  No key is sent."""
    refused = refusal(port, host)
    if refused is None:
        return Occupant("nobody")
    if refused:
        return Occupant("refused", refused)
    said, ours, other = await asyncio.gather(
        asyncio.to_thread(_local, port, host),
        asyncio.to_thread(joining.is_ours, port, pem, host) if pem else _no(),
        asyncio.to_thread(_untrusted, port, host),
    )
    if said is not None and joining.OURS in said.body:
        return Occupant("openai")
    if ours or other:
        return Occupant("proxy" if ours else "other proxy")
    return Occupant("stranger", stranger(port, said, host))


async def _no() -> bool:
    return False


def refusal(port: int, host: str = HOST) -> str | None:
    """Why *port* of *host* cannot be taken: "" if somebody listens there; None if it can."""
    if host == HOST6 and not socket.has_dualstack_ipv6():
        return "there is no IPv6"
    with socket.socket(socket.AF_INET6 if host == HOST6 else socket.AF_INET) as probe:
        if os.name == "posix":  # as asyncio has it: a listener that has just ended is no obstacle
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if host == HOST6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
        except PermissionError as e:  # a low port: whether somebody is there is not said
            return "" if _answers(port, host) else e.strerror or "permission denied"
        except OSError as e:
            return "" if e.errno != errno.EADDRNOTAVAIL else e.strerror or "no such address"
    return None


def _answers(port: int, host: str) -> bool:
    with suppress(OSError), socket.create_connection((host, port), joining.PATIENCE):
        return True
    return False


def stranger(port: int, said: "Said | None", host: str = HOST) -> str:
    """What is known of who listens at *port* of *host*."""
    speaks = f"a server that calls itself {said.server}" if said is not None and said.server else ""
    return ", ".join(filter(None, (holder(port, tables=TABLES[host == HOST6 :]), speaks)))


class Said(NamedTuple):
    """An answer: the name of the server, and the beginning of the body."""

    server: str
    body: bytes


def _local(port: int, host: str) -> Said | None:
    """What is answered to a plain request that nobody serves."""
    return _asked(http.client.HTTPConnection(host, port, timeout=joining.PATIENCE))


def _untrusted(port: int, host: str) -> bool:
    """Whether a proxy that answers for OpenAI as ours do is at *port* of *host*, whoever vouches for it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing secret is said
    connection = http.client.HTTPSConnection(host, port, timeout=joining.PATIENCE, context=context)
    connection.set_tunnel(joining.HOST, 443)
    said = _asked(connection)
    return said is not None and joining.OURS in said.body


def _asked(connection: http.client.HTTPConnection) -> Said | None:
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", joining.NOWHERE)
        answer = connection.getresponse()
        said = Said(_printable(answer.getheader("server", "")), answer.read(65536))
        connection.close()
        return said
    connection.close()
    return None


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:60])
