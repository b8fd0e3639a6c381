"""A process that keeps a login fresh as the proxy does, and does what it is told on standard input.

With a number as its last argument it becomes so many processes, each of which does all that, and says so.

go        start the refresher            token     say the access token, or why there is none
limit N   let no file grow beyond N      save      write what could not be written
state     say the status                 end       end orderly
"""

import asyncio
import logging
import os
import resource
import sys
from pathlib import Path

from qwenproxy.auth.client import Client
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.refresher import Refresher
from qwenproxy.auth.store import Store
from qwenproxy.errors import ProxyError
from qwenproxy.wire.oauth import Server


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def obey(oauth: OAuth, refresher: Refresher, command: str, *arguments: str) -> None:
    match command:
        case "go":
            refresher.start()
        case "token":
            try:
                say(f"token {await oauth.token()}")
            except ProxyError as e:
                say(f"error {e.message}")
        case "state":
            status = oauth.status()
            say(f"state {status.state} saved={status.saved}")
        case "limit":
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(arguments[0]) if arguments[0] != "none" else most, most))
            say("limited")
        case "save":
            await oauth.save()
            say("saved")


async def main(path: str, url: str, stale_after: float) -> None:
    logging.basicConfig(level=logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    client = Client(Server(url, "client-1", "openid model"))
    oauth = OAuth(Store(Path(path), stale_after=stale_after), client)
    refresher = Refresher(oauth)
    await oauth.look()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say("ready")
    while (line := (await reader.readline()).decode().split()) and line != ["end"]:
        await obey(oauth, refresher, *line)
    refresher.stop()
    await oauth.close()


def multiply(count: int) -> None:
    """Return in *count* new processes, each with an input of its own; in this one, pass on what comes, and end."""
    inputs: list[int] = []
    for _ in range(count):
        its, ours = os.pipe()
        if os.fork() == 0:
            os.dup2(its, 0)
            for each in (its, ours, *inputs):
                os.close(each)
            return
        os.close(its)
        inputs.append(ours)
    for line in sys.stdin.buffer:
        for each in inputs:
            os.write(each, line)
    for each in inputs:
        os.close(each)
    sys.exit(max(os.waitstatus_to_exitcode(os.wait()[1]) for _ in inputs))


if __name__ == "__main__":
    if sys.argv[4:]:
        multiply(int(sys.argv[4]))
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
