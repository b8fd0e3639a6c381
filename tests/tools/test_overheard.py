"""What a program says on its standard error."""

import subprocess
import sys
import time

import pytest

from qwenproxy.tools.overheard import LINES, LONGEST, Overheard


def heard(program: str) -> Overheard:
    found = Overheard()
    subprocess.run([sys.executable, "-c", program], stderr=found.end, check=False, timeout=30)
    found.close()
    return found


def until_last(found: Overheard, line: str) -> None:
    end = time.monotonic() + 10
    while found.last() != line and time.monotonic() < end:
        time.sleep(0.01)
    assert found.last() == line


CASES = {
    "lines": ("import sys; print('a\\nb', file=sys.stderr)", "b"),
    "a line without end": ("import sys; sys.stderr.write('a')", "a"),
    "no UTF-8": ("import sys; sys.stderr.buffer.write(b'a\\xff\\n')", "a�"),
    "megabytes": ("import sys; sys.stderr.write('x' * 5_000_000 + '\\nend\\n')", "end"),
    "nothing": ("pass", ""),
}


@pytest.mark.parametrize(("program", "last"), CASES.values(), ids=CASES)
def test_the_last_line_is_kept(program: str, last: str) -> None:
    found = heard(program)
    until_last(found, last)
    assert len(found.lines) <= LINES
    assert all(len(line) <= LONGEST for line in found.lines)
