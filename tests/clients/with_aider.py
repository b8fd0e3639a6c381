"""aider, the command, in an empty folder: whole and streamed; it offers no tools.  Prints as JSON what it got."""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version

QUIET = "--no-git --yes-always --no-pretty --no-check-update --no-show-model-warnings --no-analytics --no-detect-urls"


def aider(folder: str, *words: str) -> str:
    """What it prints.  Raises CalledProcessError."""
    command = [sys.executable, "-m", "aider", "--model", "gpt-4o", *QUIET.split(), *words, "--message", "Hello"]
    pipe = subprocess.PIPE
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, text=True, check=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "version": version("aider-chat"),
            "plain": aider(folder, "--no-stream"),
            "streamed": aider(folder),
        }
    json.dump(found, sys.stdout)


main()
