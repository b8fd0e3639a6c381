"""A worker that does nothing but speak with its launcher: as quick to start as Python is."""

import sys
from collections.abc import Mapping
from typing import Any

from qwenproxy.commands.workers import process
from qwenproxy.commands.workers.process import Worker

PROGRAM = (
    sys.executable,
    "-I",
    "-c",
    """
import json, os, socket, sys, time
lines = socket.socket(fileno=int(sys.argv[1])).makefile("rw")
order = json.loads(lines.readline())
if "status" in order:
    sys.exit(order["status"])
print(json.dumps({"drain_timeout": 0, "worker": os.environ["NUMBER"]}), file=lines, flush=True)
for line in lines:
    word, *rest = line.split()
    if word == "count":
        print(rest[0], 7, file=lines, flush=True)
    elif not order.get("deaf"):
        sys.exit(order.get(word, 0))
""",
)


async def little(number: int, order: Mapping[str, Any] | None = None) -> Worker:
    """Start one; in *order*, `status`: it fails so at once; `drain`, `quit`: how it ends then; `deaf`: it does not."""
    return await process.start(number, order or {}, (), {"NUMBER": str(number)}, PROGRAM)
