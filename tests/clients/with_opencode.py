"""opencode, the command given: a streamed answer, and one with a tool of its own.  Prints as JSON what it got."""

import json
import subprocess
import sys
import tempfile


def opencode(folder: str, *words: str) -> str:
    """What it prints.  Raises CalledProcessError."""
    command, pipe = [sys.argv[1], *words], subprocess.PIPE
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, text=True, check=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "version": opencode(folder, "--version").strip(),
            "streamed": opencode(folder, "run", "-m", "openai/gpt-4o", "Hello [sim: talk]"),
            "tools": opencode(folder, "run", "-m", "openai/gpt-4o", "Hello [sim: call todowrite]"),
        }
    json.dump(found, sys.stdout)


main()
