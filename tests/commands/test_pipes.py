"""Output that nobody reads on."""

import subprocess
import sys

import pytest

WRITERS = {
    "line by line": "for _ in range(100000): print('x', flush=True)",
    "all at once": "print('x' * 1000000)",
    "less than a buffer, at the end": "import time; time.sleep(0.3); print('x')",
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_a_reader_that_leaves_is_no_error(writer: str) -> None:
    code = f"from qwenproxy.commands import pipes\nwith pipes.written():\n    {writer}\nraise SystemExit(3)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == b""
    assert running.returncode == 3


def test_what_is_read_arrives() -> None:
    code = "from qwenproxy.commands import pipes\nwith pipes.written():\n    print('all of it')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"all of it\n"
