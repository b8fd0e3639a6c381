"""Whether Python and mitmproxy are the ones that the proxy is made for."""

import sys
from collections.abc import Iterator
from importlib import metadata

from qwenproxy import __version__
from qwenproxy.commands.checks.findings import Finding, fail, ok

OLDEST = (3, 13)


def versions() -> Iterator[Finding]:
    yield python(sys.version_info[:3], sys.executable)
    yield mitmproxy()


def python(version: tuple[int, ...], executable: str) -> Finding:
    said = ".".join(map(str, version))
    oldest = ".".join(map(str, OLDEST))
    if version[:2] < OLDEST:
        return fail("python", f"{said} at {executable} is too old", f"Install Python {oldest} or newer.")
    return ok("python", f"{said} at {executable}, qwenproxy {__version__}")


def mitmproxy() -> Finding:
    """Whether it can be imported, and is the one that the proxy extends.

    It is imported here only: a broken one is what this is about.
    """
    try:
        from qwenproxy.flows import fit, live
    except ImportError as e:
        return fail("mitmproxy", f"cannot be imported: {e}", "Install the package anew: pip install qwenproxy.")
    version = metadata.version("mitmproxy")
    try:
        live.install()
    except fit.Misfit as e:
        return fail("mitmproxy", str(e), "pip install 'mitmproxy>=12.2.3,<12.3'")
    return ok("mitmproxy", f"{version}, which the proxy fits")
