"""Two workers beside one: what the second core brings, when the load leaves it to them.

Each worker has an equal part of a core of its own (`bandwidth`), alone as in company, and more load than it can
answer; what is left of the cores is more than load (wrk) and upstream (nginx) need.  Where such parts cannot be given,
all share all cores, and the report says so.

What can be had at most is measured beside it, by two proxies of one worker each that know nothing of each other.  All
subjects stay up and get the load in turn, in short slices: what is compared was measured within seconds.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scripts.benchmark import bandwidth, machine, payloads
from scripts.benchmark.faces import COMPATIBLE
from scripts.benchmark.machine import Cores
from scripts.benchmark.report import table
from scripts.benchmark.rounds import turned
from scripts.benchmark.subjects import NotReady, Running, Subject, end, free_port, run_command, start

PROGRAMS = ("wrk", "nginx")
"""Debian's packages have the same names."""
CONNECTIONS, SECONDS = 16, 2
DISTURBED = 0.1
"""Cores that others may take; beyond that, a round is not one in which the proxy had all it could use."""
_RUN = (*run_command(), "run", "--port", "{port}", "--no-proxy-port", "--workers")
ONE = Subject("one", "--workers 1", (*_RUN, "1"), ours=True)
WORKERS = 4
"""Of all subjects together."""
APART = "apart"
"""Two of `ONE`, each with half of the load."""
TWO = Subject("two", "--workers 2", (*_RUN, "2"), ours=True)
TITLES = {ONE.name: ONE.title, APART: "two of them apart", TWO.name: TWO.title}
COUNTS = re.compile(r"(\d+) requests in ([\d.]+)s")
WRONG = re.compile(r"(?:Socket errors|Non-2xx).*")


@dataclass(frozen=True, slots=True)
class Figures:
    """One slice.  *shares*: of the CPU time of all workers, that of each."""

    per_second: float
    cpu_ms: float
    shares: Sequence[float]
    own: float
    """Cores that the subject was busy with."""
    others: float
    """Cores that load and upstream were busy with."""
    foreign: float
    """Cores that were busy with what is none of this."""


async def workers(rounds: int, say: Callable[[str], None]) -> str:
    """Run so many rounds; the report.  Raises NotReady."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise NotReady(f"not installed: {', '.join(missing)}")
    found: dict[str, list[Figures]] = {name: [] for name in TITLES}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qwenproxy-bench-")))
        parts, had = parts_or_none(stack)
        say(had)
        async with upstream(home) as (nginx, port):
            nobody = Cores(None, frozenset())  # nobody is pinned from its start
            running = [await start(each, port, nobody, home) for each in (ONE, ONE, TWO)]
            one, other, two = running
            try:
                for part, pid in zip(parts, [pid for each in running for pid in workers_of(each)], strict=bool(parts)):
                    part.give(pid)
                for number in range(-1, rounds):  # one to warm up
                    subjects = {ONE.name: [(one, other)[number % 2]], APART: [one, other], TWO.name: [two]}
                    for name in turned(list(subjects), number):
                        figures = await slice_of(subjects[name], nginx, home, SECONDS)
                        say(f"  round {number + 1}  {name:6} {figures}")
                        if number >= 0:
                            found[name].append(figures)
            finally:
                for each in running:
                    await each.stop()
    return report(machine.description(Cores(None, frozenset())) | {"each worker": had}, found)


def parts_or_none(stack: ExitStack) -> tuple[Sequence[bandwidth.Part], str]:
    """A part for each process, until *stack* closes, or none; and what each has, in words."""
    try:
        parts = stack.enter_context(bandwidth.parts(WORKERS))
    except bandwidth.Unavailable as reason:
        return [], f"shares all cores with load and upstream ({reason})"
    return parts, f"has {parts[0].share:.2f} of a core of its own"


def workers_of(running: Running) -> list[int]:
    """The processes that a launcher has started."""
    assert running.pid is not None
    _, *found = machine.cpu_by_process(running.pid)
    return found


@asynccontextmanager
async def upstream(home: Path) -> AsyncIterator[tuple[int, int]]:
    """nginx with one answer for everything: its process, and its port."""
    port, answer = free_port(), COMPATIBLE.answer.partition(b"\r\n\r\n")[2].decode()
    (home / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {home}/nginx.pid; error_log stderr crit; events {{}}\n"
        f"http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {home}/body; server {{\n"
        f"listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{answer}'; }} }} }}\n"
    )
    process = await asyncio.create_subprocess_exec("nginx", "-p", str(home), "-c", str(home / "nginx.conf"))
    try:
        for _ in range(100):
            if machine.accepts(port):
                break
            await asyncio.sleep(0.05)
        yield process.pid, port
    finally:
        await end(process)


async def slice_of(subject: Sequence[Running], nginx: int, home: Path, seconds: int) -> Figures:
    """The load on all of *subject* at once, for so many seconds.  Raises NotReady if an exchange fails."""
    pids = [each.pid for each in subject if each.pid is not None]
    before = cpu_of(pids)
    nginx_before, children_before = machine.cpu_seconds(nginx) or 0.0, machine.cpu_of_children()
    busy_before = machine.busy_seconds_of_all()
    loads = [put_load(each.port, home, CONNECTIONS // len(subject), seconds) for each in subject]
    counts = await asyncio.gather(*loads)
    used = {pid: cpu - before.get(pid, 0.0) for pid, cpu in cpu_of(pids).items()}
    count, took = sum(each for each, _ in counts), max(each for _, each in counts)
    others = (machine.cpu_seconds(nginx) or 0.0) - nginx_before + machine.cpu_of_children() - children_before
    foreign = machine.busy_seconds_of_all() - busy_before - others - sum(used.values())
    cpu_ms = 1000 * sum(used.values()) / count
    own = sum(used.values()) / took
    return Figures(count / took, cpu_ms, shares(used, pids), own, others / took, max(0.0, foreign) / took)


def cpu_of(pids: Sequence[int]) -> dict[int, float]:
    """CPU time of each of *pids* and of their descendants, in seconds."""
    return {pid: cpu for each in pids for pid, cpu in machine.cpu_by_process(each).items()}


async def put_load(port: int, home: Path, connections: int, seconds: int) -> tuple[int, float]:
    """How many exchanges there were, and how long it took.  Raises NotReady if one fails."""
    head, _, body = payloads.request(port, None).partition(b"\r\n\r\n")
    fields = [line.partition(": ") for line in head.decode().split("\r\n")[1:] if "Content-Length" not in line]
    lines = ["wrk.method = 'POST'", f"wrk.body = [==[{body.decode()}]==]"]
    lines += [f"wrk.headers['{name}'] = '{of}'" for name, _, of in fields]
    script = home / f"load-{port}.lua"
    script.write_text("\n".join(lines))
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    command = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url)
    load = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told = (await load.communicate())[0].decode()
    counted = COUNTS.search(told)
    if counted is None or (wrong := WRONG.search(told)):
        raise NotReady(wrong[0] if counted is not None and wrong else told)
    return int(counted[1]), float(counted[2])


def shares(used: Mapping[int, float], launchers: Sequence[int]) -> Sequence[float]:
    """Of the CPU time of the workers, that of each."""
    own = [cpu for pid, cpu in used.items() if pid not in launchers]
    return [cpu / max(sum(own), 1e-9) for cpu in own]


def split(found: Sequence[Figures]) -> str:
    """The shares, the median of the smallest, of the next, and so on."""
    return " : ".join(f"{median(of):.2f}" for of in zip(*(sorted(one.shares) for one in found), strict=True))


def report(about: Mapping[str, str], found: Mapping[str, Sequence[Figures]]) -> str:
    """The figures, and their ratios within each round."""
    rows = [
        (
            title,
            f"{median(one.per_second for one in found[name]):.0f}",
            f"{median(one.cpu_ms for one in found[name]):.3f}",
            split(found[name]),
            f"{median(one.own for one in found[name]):.2f}",
            f"{median(one.others for one in found[name]):.2f}",
            f"{median(one.foreign for one in found[name]):.2f}",
        )
        for name, title in TITLES.items()
    ]
    pairs = list(zip(found[ONE.name], found[TWO.name], strict=True))
    apart = list(zip(found[ONE.name], found[APART], strict=True))
    ratios = {
        "--workers 2, requests/s": [two.per_second / one.per_second for one, two in pairs],
        "the same, where others took next to nothing": [
            two.per_second / one.per_second for one, two in pairs if max(one.foreign, two.foreign) < DISTURBED
        ],
        "two of them apart, requests/s": [two.per_second / one.per_second for one, two in apart],
        "--workers 2, exchanges per CPU second, both cores": [2 * one.cpu_ms / two.cpu_ms for one, two in pairs],
    }
    between = [two.per_second / other.per_second for two, other in zip(found[TWO.name], found[APART], strict=True)]
    ratios["--workers 2 to two of them apart, requests/s"] = between
    said = [
        (name, str(len(of)), f"{median(of):.2f}", f"{min(of):.2f}-{max(of):.2f}") for name, of in ratios.items() if of
    ]
    machine_is = "  ".join(f"{name} {value}" for name, value in about.items())
    head = (
        "",
        "requests/s",
        "CPU per exchange, ms",
        "split of the CPU time",
        "cores used",
        "by load and upstream",
        "by others",
    )
    tables = (table(head, rows), table(("to --workers 1", "rounds", "median", "range"), said))
    return "\n\n".join(("# Two workers beside one", machine_is, *tables)) + "\n"
