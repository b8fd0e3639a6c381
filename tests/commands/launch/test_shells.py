"""Variables, as real shells read them."""

import shutil
import subprocess

import pytest

from qwenproxy.commands.launch import shells

AWKWARD = "it's $HOME `ls` \"x\" \\ \\' \\n !"
READ = {
    "sh": ("sh", "-c", 'eval "$1"; printf %s "$AWKWARD"', "sh"),
    "fish": ("fish", "--no-config", "-c", "echo $argv[1] | source; printf %s $AWKWARD"),
    "powershell": ("pwsh", "-NoProfile", "-Command", "Invoke-Expression $args[0]; [Console]::Write($env:AWKWARD)"),
}


@pytest.mark.parametrize("shell", shells.SHELLS)
def test_a_shell_reads_exactly_the_value(shell: str) -> None:
    program = READ[shell][0]
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} on this machine")
    (line,) = shells.lines(shell, {"AWKWARD": AWKWARD})
    done = subprocess.run([*READ[shell], line], capture_output=True, text=True, check=True)
    assert done.stdout == AWKWARD


LINES = {
    "sh": """export A='it'\\''s \\'""",
    "fish": """set -gx A 'it\\'s \\\\'""",
    "powershell": """$env:A = 'it''s \\'""",
}


@pytest.mark.parametrize(("shell", "line"), LINES.items(), ids=LINES.keys())
def test_quotes_are_those_of_the_shell(shell: str, line: str) -> None:
    assert shells.lines(shell, {"A": "it's \\"}) == [line]


def test_each_variable_is_a_line() -> None:
    assert shells.lines("sh", {"A": "1", "B": "2"}) == ["export A='1'", "export B='2'"]
