"""The search for inputs that break something: `./scripts/fuzz [MINUTES] [TARGET]`.

By Atheris, which leads libFuzzer by the lines and comparisons of the package's own code that an input has reached.
Each target runs in a process of its own, as a crash ends it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qwenproxy"]):
    from tests.fuzz.targets import TARGETS, Target

FOUND = Path(__file__).parent / "found"
"""Inputs that once broke something, by target; `test_targets.py` tries them again."""
MINUTES = 2.0
LONGEST = 4096
"""Bytes of an input."""
SLOW = 20
"""Seconds for one input that count as a fault."""
WORD = re.compile(rb'"[\w./-]{1,40}"')


def options(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exits with 2 for a wrong one."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Look for inputs that break something.")
    parser.add_argument("minutes", nargs="?", type=float, default=MINUTES, help=f"for each target ({MINUTES:g})")
    parser.add_argument("target", nargs="?", choices=list(TARGETS), help="one alone (default: one after the other)")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def dictionary(target: Target) -> str:
    """The names and words in the seeds, for libFuzzer to put anywhere."""
    words = {word.decode()[1:-1] for seed in target.seeds() for word in WORD.findall(seed)}
    return "".join(f'"\\"{word}\\""\n' for word in sorted(words))


def search(target: Target, name: str, seconds: int, corpus: Path) -> None:
    """Search in this process, which then ends: 0 if nothing was found."""
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    for path in (FOUND / name).glob("*"):
        (corpus / path.name).write_bytes(path.read_bytes())
    place = FOUND / name
    place.mkdir(parents=True, exist_ok=True)
    words = corpus.with_name(corpus.name + "-words")
    words.write_text(dictionary(target))
    limits = (f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOW}", "-rss_limit_mb=4096")
    atheris.Setup(
        [
            sys.argv[0],
            *limits,
            f"-artifact_prefix={place}/",
            f"-dict={words}",
            "-verbosity=0",
            "-print_final_stats=1",
            str(corpus),
        ],
        target.tries,
    )
    atheris.Fuzz()


def main(argv: Sequence[str]) -> int:
    """Each target in turn: 0 if nothing was found."""
    given = options(argv)
    seconds = round(given.minutes * 60)
    if given.here:
        search(TARGETS[given.target], given.target, seconds, Path(given.here))
        return 0
    broken: list[str] = []
    for name in [given.target] if given.target else TARGETS:
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory(prefix="qwenproxy-fuzz-") as folder:
            corpus = Path(folder) / "corpus"
            corpus.mkdir()
            command = [sys.executable, "-m", "tests.fuzz", str(given.minutes), name, "--here", str(corpus)]
            if subprocess.run(command, check=False).returncode:
                broken.append(name)
    for name in broken:
        sys.stdout.write(f"{name}: broken by what lies in {FOUND / name}, which the tests try from now on\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
