"""Python and mitmproxy: the versions."""

import sys

import pytest

from qwenproxy.commands.checks import versions
from qwenproxy.flows import fit, live

PYTHONS = {(3, 13, 0): "ok", (3, 14, 2): "ok", (4, 0, 0): "ok", (3, 12, 9): "fail"}


@pytest.mark.parametrize(("version", "level"), PYTHONS.items(), ids=str)
def test_python_must_be_new_enough(version: tuple[int, int, int], level: str) -> None:
    found = versions.python(version, "/usr/bin/python")
    assert found.level == level
    assert found.what.startswith(".".join(map(str, version)))
    assert ("Install Python 3.13" in found.next) is (level == "fail")


def test_all_is_well_here() -> None:
    found = list(versions.versions())
    assert [(finding.name, finding.level) for finding in found] == [("python", "ok"), ("mitmproxy", "ok")]
    assert found[1].what == "12.2.3, which the proxy fits"


def test_a_mitmproxy_that_differs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def install() -> None:
        raise fit.Misfit("mitmproxy 99 differs")

    monkeypatch.setattr(live, "install", install)
    found = versions.mitmproxy()
    assert (found.level, found.what) == ("fail", "mitmproxy 99 differs")
    assert "mitmproxy>=12.2.3,<12.3" in found.next


def test_a_mitmproxy_that_cannot_be_imported_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("qwenproxy.flows.live")
    monkeypatch.setitem(sys.modules, "qwenproxy.flows.live", None)
    found = versions.mitmproxy()
    assert (found.level, found.what.startswith("cannot be imported: ")) == ("fail", True)
