"""`qwenproxy simulator`: the built-in Qwen, alone."""

import argparse
import asyncio
import signal

from qwenproxy.simulator.grants import Terms
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
