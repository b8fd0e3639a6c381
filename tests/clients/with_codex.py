"""Codex, the command given, with the model of its choice: a streamed answer, and a script of the model's for its tools.

Prints as JSON what it got.
"""

import json
import os
import subprocess
import sys
import tempfile

SHELL = "await tools.exec_command({cmd: 'echo 12 degrees in Riga'})"
"""A shell command as Codex's own tool `exec` takes it, which is a custom one: its input is JavaScript."""


def codex(folder: str, *words: str) -> str:
    """What it prints: the last message.  Raises CalledProcessError."""
    environ = os.environ | {"CODEX_API_KEY": os.environ["OPENAI_API_KEY"]}  # `codex exec` heeds no other
    command, pipe = [sys.argv[1], *words], subprocess.PIPE
    done = subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=pipe, text=True, check=True
    )
    return done.stdout


def run(folder: str, prompt: str) -> str:
    """An answer; what it needs a sandbox for is no more than an `echo`, and many containers cannot make one."""
    return codex(folder, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "version": codex(folder, "--version").split()[-1],
            "streamed": run(folder, "Hello [sim: talk]"),
            "tools": run(folder, f"Run `text(({SHELL}).output)` [sim: call exec]").partition("Output:")[2],
        }
    json.dump(found, sys.stdout)


main()
