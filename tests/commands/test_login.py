"""`qwenproxy login` as a process that has no terminal, against the simulator."""

import signal
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qwenproxy import settings
from qwenproxy.auth.lock import Lock
from qwenproxy.auth.store import Store
from qwenproxy.auth.token import Token
from qwenproxy.commands.login import Attempt
from qwenproxy.commands.run import free_port
from qwenproxy.commands.screen import Screen
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.support.clock import Clock
from tests.support.commands import Ended, Home, called
from tests.support.heard import Heard
from tests.support.processes import QWENPROXY, running

FIRST = 0.1
"""Seconds between polls here."""
