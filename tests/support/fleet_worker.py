"""Processes that keep a shared login fresh as proxies do: the layer of tokens and state alone, so that many are light.

With a number as its last argument it becomes so many processes; each does what it is told on standard input.

go              start the refresher                        token    say the access token, or why there is none
stop before     stop (SIGSTOP) once, before it sends       end      end orderly
stop after      stop once, with the answer in its hands    stop none
"""

import asyncio
import logging
import os
import signal
import sys

from qwenproxy.auth.client import Check, Client
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.refresher import Refresher
from qwenproxy.auth.shared_store import SharedStore
from qwenproxy.shared.link import Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from qwenproxy.wire.oauth import Server, TokenAnswer
from tests.support.oauth_worker import multiply, obey, say

KEY = "k" * 32
LEASE, DOUBT, SETTLING = 2.0, 3.0, 6.0
"""Seconds: ten, thirty and ten in life."""


class Stopping(Client):
    """Stops its own process where it is told to."""

    where = "none"

    async def renew(self, refresh_token: str, check: Check | None = None) -> TokenAnswer:
        self._stop("before")
        answer = await super().renew(refresh_token, check)
        self._stop("after")
        return answer

    def _stop(self, place: str) -> None:
        if self.where == place:
            self.where = "none"
            say(f"stopping {os.getpid()}")
            os.kill(os.getpid(), signal.SIGSTOP)


async def main(redis: str, url: str) -> None:
    logging.basicConfig(level=logging.INFO)
    link = Link(redis, budget=2.0)
    client = Stopping(Server(url, "client-1", "openid model"))
    store = SharedStore(Shared(link, Seal([KEY])), "login", lease=LEASE, doubt=DOUBT, settling=SETTLING)
    oauth = OAuth(store, client)
    refresher = Refresher(oauth)
    await oauth.look()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say("ready")
    while (line := (await reader.readline()).decode().split()) and line != ["end"]:
        if line[0] == "stop":
            client.where = line[1]
        else:
            await obey(oauth, refresher, *line)
    refresher.stop()
    await oauth.close()
    await link.close()


if __name__ == "__main__":
    multiply(int(sys.argv[3]))
    asyncio.run(main(sys.argv[1], sys.argv[2]))
