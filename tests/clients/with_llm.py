"""llm, the command: whole, streamed, and with a function that it calls itself.  Prints as JSON what it got."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

LLM = str(Path(sys.executable).with_name("llm"))
FUNCTION = '''
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"12 degrees in {city}"
'''


def llm(*words: str) -> str:
    """What it prints.  Raises CalledProcessError."""
    command = [LLM, "-m", "gpt-4o", "--no-log", *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    found = {
        "version": version("llm"),
        "plain": llm("--no-stream", "Hello").strip(),
        "streamed": llm("Hello").strip(),
        "tools": llm("--functions", FUNCTION, "What is the weather in Riga?").strip(),
    }
    json.dump(found, sys.stdout)


main()
