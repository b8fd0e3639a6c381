"""The command line of the soak."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scripts.benchmark import machine
from scripts.benchmark.figures import slope
from scripts.benchmark.subjects import ADDONS, FOREIGN
from scripts.soaking.kinds import SECRET
from scripts.soaking.traffic import APP_KEY, App, Tally, serve

EXCHANGES = 100_000
APPS = 16
SAMPLES = 100
WARM = 0.2
"""The part of the samples that is left out: caches fill, and the allocator settles."""
PRINTED = "printed"
UPSTREAM_KEY = "sk-qwen-SOAK-HIDDEN"
MOST_BYTES, MOST_DESCRIPTORS = 16 * 1024 * 1024, 8
"""Growth over the measured part that is still called flat."""
READY = 60.0
"""Seconds in which the proxy must listen."""


def options(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exits with 2 for a wrong one."""
    parser = argparse.ArgumentParser(prog="soak", description="Many mixed exchanges, each answer naming its request.")
    parser.add_argument("exchanges", nargs="?", type=int, default=EXCHANGES, help=f"how many (default: {EXCHANGES:,})")
    given = parser.parse_args(argv)
    if given.exchanges < 100:
        parser.error("at least 100 exchanges, so that each kind is among them")
    return given


def environment(home: Path, upstream: int) -> dict[str, str]:
    """The user's, without what would change the run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    ours = {"UPSTREAM": f"http://127.0.0.1:{upstream}/v1", "API_KEY": UPSTREAM_KEY}
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PYTHONPATH": str(ADDONS), "PYTHONUNBUFFERED": "1"}
    return kept | own | {f"QWENPROXY_{name}": value for name, value in ours.items()}


class Vitals:
    """Memory and descriptors of the process *pid*, sampled as exchanges go by."""

    def __init__(self) -> None:
        self.pid = 0
        self.memory: list[tuple[float, float]] = []
        """Exchanges so far, bytes."""
        self.descriptors: list[tuple[float, float]] = []

    def sample(self, done: int) -> None:
        """Look once; where the system does not tell, nothing is kept."""
        resident = machine.resident_kb(self.pid)
        if resident is not None:
            self.memory.append((done, resident * 1024.0))
            self.descriptors.append((done, float(len(list(Path(f"/proc/{self.pid}/fd").iterdir())))))


async def soak(exchanges: int, home: Path, tally: Tally, vitals: Vitals) -> None:
    """The run: what comes of it goes into *tally*, what the proxy holds into *vitals*, what it prints into a file."""
    stop_at_signals()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    printed = home / PRINTED
    with printed.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "qwenproxy.cli", "run", "--port", "0", "--no-proxy-port"),
            env=environment(home, server.sockets[0].getsockname()[1]),
            cwd=home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        port = await listening(process, printed)
        vitals.pid = process.pid
        numbers = iter(range(exchanges))
        work = asyncio.gather(*(App(port, tally).work(numbers) for _ in range(APPS)))
        try:
            await watch(work, tally, vitals, exchanges)
        finally:  # the apps end before what they ask
            work.cancel()
            await asyncio.wait([work])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        server.close()


def stop_at_signals() -> None:
    """SIGTERM ends the run in order, as Ctrl-C does: what has been found is still reported."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def listening(process: asyncio.subprocess.Process, printed: Path) -> int:
    """The port, once the proxy has said it.  Raises RuntimeError."""
    end = time.monotonic() + READY
    while process.returncode is None and time.monotonic() < end:
        if (port := told(printed)) is not None:
            return port
        await asyncio.sleep(0.05)
    raise RuntimeError("the proxy did not start")


def told(printed: Path) -> int | None:
    """The port that the proxy has printed; None if it has not yet."""
    _, found, rest = printed.read_text().partition("reverse=http://")
    return int(rest.split()[0].rpartition(":")[2]) if found and "\n" in rest else None


async def watch(work: "asyncio.Future[list[None]]", tally: Tally, vitals: Vitals, exchanges: int) -> None:
    """Sample at each hundredth of *exchanges* until *work* is done."""
    due = 0.0
    while not work.done():
        if tally.done >= due:
            vitals.sample(tally.done)
            due += exchanges / SAMPLES
        await asyncio.wait([work], timeout=0.02)
    work.result()


def report(exchanges: int, tally: Tally, vitals: Vitals, printed: bytes, seconds: float) -> tuple[str, bool]:
    """What was found, in lines, and whether all was well."""
    lines = [f"{tally.done:,} of {exchanges:,} exchanges in {seconds:.0f} s, {len(tally.faults)} lost or mixed up"]
    lines += [f"  {count:7,} {kind}" for kind, count in sorted(tally.answered.items())]
    lines += [f"  {fault}" for fault in tally.faults[:20]]
    good = tally.done == exchanges and not tally.faults
    for title, points, unit, most in (
        ("memory", vitals.memory, " bytes", MOST_BYTES),
        ("descriptors", vitals.descriptors, "", MOST_DESCRIPTORS),
    ):
        measured = points[int(len(points) * WARM) :]
        if len(measured) < 2:
            lines.append(f"{title}: not known on this system")
            continue
        per_exchange, (first, begin), (last, end) = slope(measured), measured[0], measured[-1]
        growth = per_exchange * (last - first)
        good = good and growth <= most
        lines.append(
            f"{title}: {begin:,.0f}{unit} at {first:,.0f} exchanges, {end:,.0f} at {last:,.0f}; "
            f"slope {1000 * per_exchange:+,.3f}{unit} a thousand exchanges ({'flat' if growth <= most else 'grows'})"
        )
    secrets = [secret for secret in (APP_KEY, UPSTREAM_KEY, SECRET) if secret.encode() in printed]
    lines.append(f"log: {len(printed):,} bytes, {len(secrets)} secrets in it, {printed.count(b'Traceback')} tracebacks")
    return "\n".join(lines) + "\n", good and not secrets and b"Traceback" not in printed


def main(argv: Sequence[str]) -> int:
    """Run, report: 0 if all was well."""
    given = options(argv)
    start, tally, vitals = time.monotonic(), Tally(), Vitals()
    with tempfile.TemporaryDirectory(prefix="qwenproxy-soak-") as home:
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(soak(given.exchanges, Path(home), tally, vitals))
        printed = (Path(home) / PRINTED).read_bytes()
    text, good = report(given.exchanges, tally, vitals, printed, time.monotonic() - start)
    sys.stdout.write(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
