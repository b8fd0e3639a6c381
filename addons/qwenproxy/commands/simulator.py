"""`qwenproxy simulator`: the built-in Qwen, alone."""

import argparse
import asyncio
import signal

from qwenproxy.commands import configured
from qwenproxy.commands.run import port
from qwenproxy.simulator.doors import BASES
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.oauth import API
from qwenproxy.simulator.oauth_control import seconds
from qwenproxy.simulator.server import Simulator

HELP = "start the simulator: a Qwen on this machine that needs no account"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8090, help="port; 0: a free one (default: 8090)")
    parser.add_argument(
        "--token-lifetime",
        type=seconds,
        default=Terms().token_lifetime,
        metavar="SECONDS",
        help="how long an access token lasts that comes of a login (default: 21600)",
    )
    parser.add_argument(
        "--authorise-after",
        type=seconds,
        metavar="SECONDS",
        help="confirm a login by itself, so long after it has begun (default: somebody has to, on its page)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run until a signal comes: 0; 1 if the port cannot be opened."""
    try:
        asyncio.run(serve(arguments))
    except OSError as e:
        configured.complain("simulator", str(e))
        return 1
    return 0


async def serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    terms = Terms(token_lifetime=arguments.token_lifetime, authorise_after=arguments.authorise_after)
    simulator = Simulator(terms=terms)
    await simulator.start(arguments.host, arguments.port)
    print(f"simulator {simulator.base_url} key={simulator.key}", flush=True)
    for path in (*BASES, API):
        print(f"  {simulator.base_url}{path}", flush=True)
    await stop.wait()
    await simulator.stop()
