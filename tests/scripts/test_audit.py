"""What the audit of dependencies makes of a report."""

from typing import Any

import pytest

from scripts.audit import Report, answers, state, verdict

BAD = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1", "GHSA-1"], "fix_versions": ["1.1", "2.0"]}
UNFIXED = {"id": "PYSEC-2026-2", "aliases": [], "fix_versions": []}
SKIPPED = {"name": "left-out", "skip_reason": "Dependency not found on PyPI"}


def report(*packages: Any) -> Report:
    return {"dependencies": list(packages), "fixes": []}


def package(*vulnerabilities: Any) -> Any:
    return {"name": "some", "version": "1.0", "vulns": list(vulnerabilities)}


@pytest.mark.parametrize(
    ("said", "accepted", "found", "told"),
    [
        (report(package()), {}, [], []),
        (report(package(BAD)), {}, ["some 1.0: PYSEC-2026-1 (fixed in: 1.1, 2.0)"], []),
        (report(package(UNFIXED)), {}, ["some 1.0: PYSEC-2026-2 (fixed in: no version yet)"], []),
        (report(package(BAD)), {"GHSA-1": "never called"}, [], ["some 1.0: PYSEC-2026-1, accepted: never called"]),
        (report(package()), {"GHSA-1": "-"}, ["GHSA-1 is accepted in pyproject.toml, and no package has it"], []),
        (report(SKIPPED), {}, [], ["not audited: left-out: Dependency not found on PyPI"]),
    ],
    ids=["nothing", "one", "without a fix", "accepted by an alias", "accepted for nothing", "skipped"],
)
def test_what_is_found_and_what_is_told(
    said: Report, accepted: dict[str, str], found: list[str], told: list[str]
) -> None:
    assert verdict(said, accepted) == (found, told)


@pytest.mark.parametrize(
    ("said", "known"),
    [(None, False), (report(), False), (report(SKIPPED), False), (report(SKIPPED, package()), True)],
)
def test_whether_anybody_answers(said: Report | None, known: bool) -> None:
    assert answers(said) is known


def test_an_audit_is_repeated_when_what_it_was_about_changes() -> None:
    kinds = [({"a": "1"}, {}, ""), ({"a": "2"}, {}, ""), ({"a": "1"}, {"x": "y"}, ""), ({"a": "1"}, {}, "2026-01-01")]
    assert len({state(*kind) for kind in kinds}) == len(kinds)
