"""`qwenproxy simulator`: the built-in Qwen, alone."""

import argparse
import asyncio
import signal

from qwenproxy.commands.run import port
from qwenproxy.simulator.server import Simulator

HELP = "start the simulator: a Qwen on this machine that needs no account"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8090, help="port; 0: a free one (default: 8090)")


def main(arguments: argparse.Namespace) -> int:
    """Run until a signal comes."""
    asyncio.run(serve(arguments))
    return 0


async def serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    simulator = Simulator()
    await simulator.start(arguments.host, arguments.port)
    print(f"simulator {simulator.base_url} key={simulator.key}", flush=True)
    for path in ("/compatible-mode/v1", "/v1"):
        print(f"  {simulator.base_url}{path}", flush=True)
    await stop.wait()
    await simulator.stop()
