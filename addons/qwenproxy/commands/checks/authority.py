"""The proxy's certificate authority: its files, dates and modes."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from qwenproxy.commands import durations
from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.commands.launch import joining

NAME = "authority"
SOON = 30 * 86_400.0  # s before its end in which one is warned
KEYS = ("mitmproxy-ca.pem", "mitmproxy-ca.p12")
"""The files with the private key; mitmproxy reads the first."""
ANEW = "Remove {}/mitmproxy-ca*: the next start of the proxy makes a new one, which apps then have to trust."


@dataclass(frozen=True, slots=True)
class Authority:
    """What is in the files, as far as it can be read."""

    folder: Path
    pem: bytes = b""
    """What apps are given to trust; b"" if there is nothing."""
    certificate: x509.Certificate | None = None
    signing: x509.Certificate | None = None
    """The certificate that the proxy signs by."""
    has_key: bool = False
    """Its private key is there, and fits."""


def read(folder: Path | None = None) -> Authority:
    """The authority in *folder*; by default, where mitmproxy keeps it."""
    public = joining.AUTHORITY.expanduser() if folder is None else folder / joining.AUTHORITY.name
    private = _content(public.with_name(KEYS[0]))
    pem = _content(public)
    signing = _certificate(private)
    return Authority(public.parent, pem, _certificate(pem), signing, signing is not None and _fits(private, signing))


def authority(found: Authority, now: float) -> Iterator[Finding]:
    """About *found* at *now*, in seconds since 1970."""
    private = found.folder / KEYS[0]
    if not private.exists():
        yield missing(found)
        return
    yield state(found, now)
    yield from modes(found.folder)


def missing(found: Authority) -> Finding:
    if not found.pem:
        return ok(NAME, f"there is none in {found.folder} yet: the first start of the proxy makes it")
    what = f"{found.folder} holds a certificate, but no {KEYS[0]} with its key"
    return warn(NAME, what, "The next start of the proxy makes a new one, which apps then have to trust.")


def state(found: Authority, now: float) -> Finding:
    """Whether the proxy can sign by it, and apps can check that."""
    anew = ANEW.format(found.folder)
    if not found.has_key or found.signing is None:
        return fail(NAME, f"{found.folder / KEYS[0]} holds no certificate with its private key", anew)
    if found.certificate != found.signing:
        what = f"{found.folder}: what apps are given to trust is not what the proxy signs by"
        return fail(NAME, what, anew)
    begins, ends = (
        moment.timestamp() for moment in (found.signing.not_valid_before_utc, found.signing.not_valid_after_utc)
    )
    until = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d}"
    if now < begins:
        what = f"{found.folder}: it is valid only from {datetime.fromtimestamp(begins, UTC):%Y-%m-%d} on"
        return fail(NAME, what, f"See that the clock of this machine is right.  Else: {anew}")
    if now >= ends:
        return fail(NAME, f"{found.folder}: it has run out on {until}", anew)
    if ends - now < SOON:
        return warn(NAME, f"{found.folder}: it runs out in {durations.span(ends - now)}", anew)
    return ok(NAME, f"{found.folder}, valid until {until}")


def modes(folder: Path) -> Iterator[Finding]:
    """Warnings about a private key that others can read."""
    if os.name != "posix":
        return
    for path in (folder / name for name in KEYS):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            what = f"{path} is open to other users of this machine: with it they can pose as any server to your apps"
            yield warn(NAME, what, f"chmod 600 {path}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _certificate(pem: bytes) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        return None


def _fits(pem: bytes, certificate: x509.Certificate) -> bool:
    """Whether the private key in *pem* is that of *certificate*."""
    try:
        key = load_pem_private_key(pem, None).public_key()
    except (ValueError, TypeError):  # TypeError: it wants a password
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes(*form) == certificate.public_key().public_bytes(*form)
