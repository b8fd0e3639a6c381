"""The command line of the benchmark."""

import argparse
import asyncio
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from scripts.benchmark import machine
from scripts.benchmark.load import LOADS, Load, quicker
from scripts.benchmark.machine import Cores
from scripts.benchmark.memory import Memory, memory
from scripts.benchmark.report import report
from scripts.benchmark.rounds import Bench, Round, one_round, upstream
from scripts.benchmark.subjects import DIRECT, SUBJECTS, NotReady, Subject
from scripts.benchmark.summary import summary
from scripts.benchmark.workers import workers

MOST_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be run."""

    rounds: int
    plan: Sequence[Load]
    subjects: Sequence[Subject]
    memory: bool
    json: Path | None
    workers: bool = False


@dataclass(slots=True)
class Results:
    """All that was found; kept as it grows, so that an interrupted run still reports."""

    rounds: list[Round] = field(default_factory=list)
    memories: dict[str, Memory] = field(default_factory=dict)


def say(line: str) -> None:
    """Tell how far the run is."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _names(text: str) -> list[str]:
    known = [subject.name for subject in SUBJECTS]
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def _count(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= MOST_ROUNDS:
        raise argparse.ArgumentTypeError(f"a number from 0 to {MOST_ROUNDS}")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write to {text}")
    return path


def options(argv: Sequence[str]) -> Options:
    """Parse the command line; exits with 2 and one line for a wrong one."""
    parser = argparse.ArgumentParser(prog="bench", description="qwenproxy beside bare mitmproxy, in one run.")
    parser.add_argument("--rounds", type=_count, help="rounds (default 5); 0: with --memory, memory alone")
    parser.add_argument("--quick", action="store_true", help="one round of half the length: under a minute")
    parser.add_argument("--only", type=_names, metavar="NAME,...", help=f"of {', '.join(s.name for s in SUBJECTS)}")
    parser.add_argument("--memory", action="store_true", help="also the growth of memory over 20,000 exchanges")
    parser.add_argument("--workers", action="store_true", help="two workers beside one (needs wrk and nginx)")
    parser.add_argument("--json", type=_file, metavar="FILE", help="keep all rounds in FILE")
    given = parser.parse_args(argv)
    rounds = given.rounds if given.rounds is not None else 1 if given.quick else 5
    if not rounds and not given.memory:
        parser.error("--rounds 0 leaves nothing to measure: it goes with --memory")
    subjects = [subject for subject in SUBJECTS if given.only is None or subject.name in given.only]
    plan = [quicker(load) for load in LOADS] if given.quick else LOADS
    return Options(rounds, plan, subjects, given.memory, given.json, given.workers)


async def bench(todo: Options, results: Results, cores: Cores) -> None:
    """Run everything that *todo* names into *results*."""
    with tempfile.TemporaryDirectory(prefix="qwenproxy-bench-") as home:
        async with upstream(cores) as port:
            here = Bench(port, cores, Path(home), say)
            subjects = list(todo.subjects)
            for number in range(todo.rounds):
                say(f"round {number + 1} of {todo.rounds}")
                found = await one_round(here, number, subjects, todo.plan)
                results.rounds.append(found)
                subjects = [subject for subject in subjects if subject.name not in found.absent]
            if todo.memory:
                await _memories(here, [subject for subject in subjects if subject != DIRECT], results)


async def _memories(here: Bench, subjects: Sequence[Subject], results: Results) -> None:
    for subject in subjects:
        say(f"memory of {subject.title}")
        try:
            found = await memory(here, subject)
        except NotReady as failure:
            say(f"{subject.title}: did not start: {failure}")
            continue
        if found is None:
            say("memory cannot be read on this system")
        else:
            results.memories[subject.name] = found


async def _until_signalled(todo: Options, results: Results, cores: Cores) -> None:
    """The run, ended in order by SIGTERM as by Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await bench(todo, results, cores)


def main(argv: Sequence[str]) -> int:
    """Run, report, and say by the exit status whether all was right."""
    todo, results, cores = options(argv), Results(), Cores.divide()
    if todo.workers:
        return _workers(todo.rounds)
    about = machine.description(cores)
    cores.pin_other(os.getpid())
    gc.freeze()
    gc.disable()  # a pause of the load's collector would be counted as the subject's latency
    interrupted = False
    try:
        asyncio.run(_until_signalled(todo, results, cores))
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted = True
    sys.stdout.write(report(about, results.rounds, todo.plan, todo.subjects, results.memories))
    if tables := summary(results.rounds):
        sys.stdout.write(f"\n## For the README\n\n{tables}")
    if todo.json is not None:
        todo.json.write_bytes(orjson.dumps({"about": about, **asdict(results)}, option=orjson.OPT_INDENT_2))
    return 130 if interrupted else int(_anything_failed(results))


def _workers(rounds: int) -> int:
    try:
        sys.stdout.write(asyncio.run(workers(rounds, say)))
    except NotReady as failure:
        say(f"bench: {failure}")
        return 1
    return 0


def _anything_failed(results: Results) -> bool:
    found = (m for one in results.rounds for of_subject in one.measurements.values() for m in of_subject.values())
    return any(one.notes for one in results.rounds) or any(each.failed for each in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
