"""The Redis that machines share: whether this one gets on with it, as a proxy would need it."""

import time
from collections.abc import Iterator

from qwenproxy import redis_urls
from qwenproxy.commands.checks.findings import Finding, fail, ok
from qwenproxy.settings import Settings
from qwenproxy.shared import errand
from qwenproxy.shared.link import Away
from qwenproxy.shared.script import Script

NAME = "state"
TRIAL = Script("redis.call('SET', ARGV[1], '', 'PX', 1000)", "return redis.call('DEL', ARGV[1])")
KEY = "qwenproxy:doctor"


def sharing(settings: Settings) -> Iterator[Finding]:
    """Write there and take it away again; nothing is found if nothing is shared.  Takes its time."""
    if not redis_urls.is_one(settings.state):
        return
    begun = time.monotonic()
    try:
        errand.run(settings.state, settings.state_password.reveal(), TRIAL, (KEY,))
    except Away as e:
        source = settings.sources.get("state", "state")
        yield fail(NAME, str(e), f"Mend it there, or the address ({source}).  Until then each proxy goes on by itself.")
        return
    yield ok(NAME, f"{settings.state}: written to within {1000 * (time.monotonic() - begun):.0f} ms")
