"""What a check has found."""

import pytest

from qwenproxy.commands.checks.findings import Finding, Level, fail, ok, warn, worst

CASES: dict[str, tuple[list[Finding], Level]] = {
    "nothing": ([], "ok"),
    "all is well": ([ok("a", "."), ok("b", ".")], "ok"),
    "a warning": ([ok("a", "."), warn("b", ".", "do"), ok("c", ".")], "warn"),
    "a failure": ([fail("a", ".", "do"), warn("b", ".", "do")], "fail"),
}


@pytest.mark.parametrize(("findings", "level"), CASES.values(), ids=CASES.keys())
def test_the_worst_level_counts(findings: list[Finding], level: Level) -> None:
    assert worst(findings) == level
