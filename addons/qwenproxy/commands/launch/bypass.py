"""NO_PROXY: which of its entries would send an intercepted host's calls past the proxy."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from qwenproxy import hostnames

LOCAL = ("localhost", "127.0.0.1")
"""What clients should reach directly: nothing there is ours."""


def entries(no_proxy: str) -> list[str]:
    """The entries of *no_proxy*: most clients part them at commas, some at blanks."""
    return no_proxy.replace(",", " ").split()


def sorted_out(given: Sequence[str], hosts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The entries of *given* that may stay, and those that would switch the interception of *hosts* off.

    *hosts* are patterns as in the setting of that name.
    """
    once = dict.fromkeys(given)
    harmful = [entry for entry in once if any(_covers(entry, host) for host in hosts)]
    return [entry for entry in once if entry not in harmful], harmful


def _covers(entry: str, host: str) -> bool:
    """Whether any client may take *entry* to mean a host that the pattern *host* stands for.

    They differ in what a leading dot or `*.` means, and some compare ends of names whatever comes before: here the
    broadest reading counts, since an entry too many only means that a host is tunnelled, untouched, by the proxy.
    """
    name = hostnames.plain(entry)
    return any(_reads_as(name, each) for each in _examples(host)) or hostnames.stands_for(host, name.lstrip("*."))


def _reads_as(name: str, host: str) -> bool:
    return host.endswith(name.lstrip("*.")) or fnmatchcase(host, name)


def _examples(pattern: str) -> Iterator[str]:
    """Hosts that *pattern* stands for."""
    yield f"any.{pattern.removeprefix('*.')}" if pattern.startswith("*.") else pattern
