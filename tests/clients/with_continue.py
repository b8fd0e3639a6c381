"""Continue's command, given: a streamed answer.  Prints as JSON what it got."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIG = """
name: OpenAI
version: 1.0.0
schema: v1
models:
  - {name: gpt-4o, provider: openai, model: gpt-4o, apiKey: sk-hardcoded-in-the-app}
"""


def cn(folder: str, *words: str) -> str:
    """What it prints.  Raises CalledProcessError."""
    command, pipe = [sys.argv[1], *words], subprocess.PIPE
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, text=True, check=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (config := Path(folder, "config.yaml")).write_text(CONFIG)
        found = {
            "version": cn(folder, "--version").strip(),
            "streamed": cn(folder, "--config", str(config), "-p", "Hello"),
            "tools": cn(folder, "--config", str(config), "-p", "Hello [sim: call List]"),
        }
    json.dump(found, sys.stdout)


main()
