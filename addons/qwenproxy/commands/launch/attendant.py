"""The proxy's side of `qwenproxy exec`: `qwenproxy run` in a process of its own, as long as its standard input lasts.

On standard output it says where it listens, as `run` does, and then, as a JSON object in one line, what the command's
variables are made of; at its end another one tells what has passed.  On standard error there is what went wrong at the
start; when all is ready, it is closed.  Its temporary files go with it: also when whoever started it was killed, since
then standard input ends.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from mitmproxy import ctx

from qwenproxy.commands import run
from qwenproxy.commands.launch import addresses, trust, variables
from qwenproxy.commands.launch.tally import Tally

PREFIX = "qwenproxy-exec-"


class Attendant:
    """The addon that attends to the command: writes its files, says when all is ready, ends the proxy in time."""

    def __init__(self, folder: Path, log: str, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._log = log
        self._environ = environ
        self.failure = ""
        """Why the proxy ended at its start."""

    def running(self) -> None:
        try:
            files = trust.write(self._folder, authority(), *variables.trusted(self._environ), stem="")
            log = os.open(self._log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as e:
            self.failure = str(e)
            ctx.master.shutdown()
            return
        settings = ctx.master.addons.get("qwenproxy").settings
        say(
            folder=str(self._folder),
            files=[str(files.bundle), str(files.extra), str(files.truststore)],
            hosts=settings.hosts,
            wants_key=bool(settings.client_keys),
        )
        sys.stderr.flush()
        os.dup2(log, sys.stderr.fileno())
        os.close(log)
        threading.Thread(target=self._wait, args=(asyncio.get_running_loop(),), daemon=True).start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        while os.read(sys.stdin.fileno(), 64):
            pass
        loop.call_soon_threadsafe(ctx.master.shutdown)


def authority() -> bytes:
    """The proxy's authority as it is in use, in PEM."""
    pem: bytes = ctx.master.addons.get("tlsconfig").certstore.default_ca.to_pem()
    return pem


def say(**facts: Any) -> None:
    print(orjson.dumps(facts).decode(), flush=True)


def beyond(environ: Mapping[str, str], port: int) -> list[str]:
    """mitmproxy's options, with a listener at *port*, by which other hosts are reached through the user's own proxy.

    They are no words of a command line: a password may be in them.
    """
    for proxy in addresses.named(environ):
        signing_in = [f"upstream_auth={proxy.username}:{proxy.password}"] if proxy.username else []
        return [f"mode=upstream:{proxy.url}@127.0.0.1:{port}", *signing_in]
    return []


def main() -> int:
    """Run to the end of standard input; the exit status is that of `run`."""
    parser = argparse.ArgumentParser()
    run.arguments(parser)
    parser.add_argument("--log", default="")
    arguments = parser.parse_args()
    environ = dict(os.environ)
    arguments.port, arguments.proxy_port = run.free_port(arguments.host), run.free_port(arguments.host)
    if chained := beyond(environ, arguments.proxy_port):
        reverse = run.specs(argparse.Namespace(**{**vars(arguments), "no_proxy_port": True}))
        arguments.sets += [*(f"mode={spec}" for spec in reverse), *chained]
    if arguments.ui == "web" and not any(each.startswith("web_port=") for each in arguments.sets):
        arguments.sets.append(f"web_port={run.free_port(arguments.host)}")
    tally = Tally()
    logging.getLogger("qwenproxy.exchange").addHandler(tally)
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder  # one folder for all that is temporary: it is one to be cleared away
        attendant = Attendant(Path(folder), arguments.log, environ)
        status = run.main(arguments, attendant)
    if attendant.failure:
        print(f"qwenproxy run: {attendant.failure}", file=sys.stderr)
        return 1
    say(**tally.facts())
    return status


if __name__ == "__main__":
    sys.exit(main())
