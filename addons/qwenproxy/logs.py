"""Log lines: for people, or JSON for machines."""

import logging
import re
import sys
from typing import TextIO

import orjson

_BYTES = re.compile(r"""b(?P<quote>['"]).*(?P=quote)|'[0-9a-f]{6,}'""", re.DOTALL)
FACTS = ("exchange", "call")
"""What a record may carry, instead of a sentence about it: the facts of an exchange, or of a tool's call."""
_KEYS = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?<=\?)[^\s'\")]+")
"""In an address: who asks, and what stands behind the question mark."""
_OTLP = "opentelemetry.exporter.otlp.proto.http"
_QUOTING = {
    "mitmproxy.proxy.server": _BYTES,
    "mitmproxy.addons.next_layer": _BYTES,
    f"{_OTLP}.trace_exporter": _KEYS,
    f"{_OTLP}.metric_exporter": _KEYS,
}
"""Who quotes what it cannot read, or the address that it cannot reach -> what of it is not for a log."""
_TALKATIVE = ("aiohttp", "httpcore2", "httpx2", "mcp", "opentelemetry", "urllib3")
"""Clients that tell of each request, with its address and its headers: down to warnings."""


class Without(logging.Filter):
    """Takes out of a line what *pattern* finds."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self._pattern = pattern

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._pattern.sub("…", record.getMessage()), ()
        return True


def leave_out_secrets() -> None:
    """Keep what apps send, and keys, out of the lines of others: as `_QUOTING` has it, and `_TALKATIVE`."""
    for name, pattern in _QUOTING.items():
        quoting = logging.getLogger(name)
        if not any(isinstance(each, Without) for each in quoting.filters):
            quoting.addFilter(Without(pattern))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def save_work() -> None:
    """Have no line find out what no format of ours tells (Python's logging HOWTO, "Optimization")."""
    vars(logging).update(logThreads=False, logProcesses=False, logMultiprocessing=False, logAsyncioTasks=False)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, or the facts that it carries as they are.

    *worker*: its number, if there are several.
    """

    def __init__(self, worker: str = "") -> None:
        super().__init__()
        self._own = {"worker": int(worker)} if worker else {}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            **self._own,
        }
        facts = {name: found for name in FACTS if (found := getattr(record, name, None))}
        line |= facts or {"message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def text_formatter(worker: str = "") -> logging.Formatter:
    speaker = f"worker {worker}: " if worker else ""
    return logging.Formatter(f"%(asctime)s %(levelname).1s {speaker}%(message)s", "%H:%M:%S")


def handler(log_format: str, stream: TextIO | None = None, worker: str = "") -> logging.Handler:
    """A handler that writes to *stream* (standard error) in *log_format*: text or json.  *worker*: who speaks."""
    found = logging.StreamHandler(stream or sys.stderr)
    found.setFormatter(JsonFormatter(worker) if log_format == "json" else text_formatter(worker))
    return found


def use_json(stream: TextIO | None = None, worker: str = "") -> logging.Handler:
    """Send the package's log lines as JSON to *stream* and nowhere else; returns the handler, for `undo_json`."""
    package = logging.getLogger("qwenproxy")
    found = handler("json", stream, worker)
    package.addHandler(found)
    package.propagate = False
    return found


def undo_json(found: logging.Handler) -> None:
    package = logging.getLogger("qwenproxy")
    package.removeHandler(found)
    package.propagate = True
