"""Whether the proxy may start, or go on, with some options of mitmproxy and some settings."""

from mitmproxy.options import Options

from qwenproxy.flows import access, guard
from qwenproxy.flows.hosts import Hosts
from qwenproxy.flows.requests import limits
from qwenproxy.settings import Settings


def check(options: Options, found: Settings, now: Settings, *, alone: bool = True) -> None:
    """Refuse *options* by which a request could get past the proxy, and what *found* forbids.

    *now*: the settings that hold so far.  *alone*: no other process shares the work.  Raises ValueError.
    """
    hosts = Hosts(found.hosts)
    ours = (hosts.allow_hosts(), Hosts(now.hosts).allow_hosts())
    loops = guard.loops(options.mode, found.upstream)
    if complaints := [*guard.holes(options, ours), *guard.wrong_targets(options.mode, hosts), *loops]:
        raise ValueError("; ".join(complaints))
    if not alone and (unshared := guard.unshared(options, found.state)):
        raise ValueError(unshared)
    limits(found)
    if options.server:
        access.check_listeners(guard.listen_addresses(options.mode, options.listen_host), found)
