"""The proxy's certificate authority: files, dates, modes."""

import time
from pathlib import Path

import pytest

from qwenproxy.commands.checks import authority as check
from qwenproxy.commands.checks.findings import Finding
from tests.support import processes
from tests.support.certificates import DAY, NOW, Made, authority


def put(folder: Path, private: bytes, public: bytes, mode: int = 0o600) -> None:
    for name, content in (("mitmproxy-ca.pem", private), ("mitmproxy-ca-cert.pem", public)):
        (folder / name).write_bytes(content)
    (folder / "mitmproxy-ca.pem").chmod(mode)


def keep(folder: Path, made: Made, mode: int = 0o600) -> None:
    put(folder, made.key_pem + made.pem, made.pem, mode)


def found(folder: Path) -> list[Finding]:
    return list(check.authority(check.read(folder), NOW))


def test_that_of_mitmproxy_itself_is_well(tmp_path: Path) -> None:
    processes.authority(tmp_path)
    read = check.read(tmp_path)
    assert read.pem.startswith(b"-----BEGIN CERTIFICATE-----")
    assert [finding.level for finding in check.authority(read, time.time())] == ["ok"]


def test_before_the_first_start_there_is_none(tmp_path: Path) -> None:
    (finding,) = found(tmp_path)
    assert (finding.level, "the first start of the proxy makes it" in finding.what) == ("ok", True)


def test_a_certificate_alone_will_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "mitmproxy-ca-cert.pem").write_bytes(authority().pem)
    (finding,) = found(tmp_path)
    assert (finding.level, "but no mitmproxy-ca.pem" in finding.what) == ("warn", True)


DATES: dict[str, tuple[float, float, str, str]] = {
    "valid": (NOW - DAY, NOW + 100 * DAY, "ok", "valid until 20"),
    "ending soon": (NOW - DAY, NOW + 9 * DAY, "warn", "runs out in 9 d"),
    "ended": (NOW - 9 * DAY, NOW - DAY, "fail", "has run out on 20"),
    "ending now": (NOW - 9 * DAY, NOW, "fail", "has run out on 20"),
    "not begun": (NOW + DAY, NOW + 9 * DAY, "fail", "valid only from 20"),
}


@pytest.mark.parametrize(("begins", "ends", "level", "what"), DATES.values(), ids=DATES.keys())
def test_its_dates_count(tmp_path: Path, begins: float, ends: float, level: str, what: str) -> None:
    keep(tmp_path, authority(begins=begins, ends=ends))
    (finding,) = found(tmp_path)
    assert (finding.level, what in finding.what) == (level, True)
    assert bool(finding.next) is (level != "ok")


ONE, OTHER = authority(), authority("other")
BROKEN: dict[str, tuple[bytes, bytes, str]] = {
    "no text": (b"\xff", ONE.pem, "holds no certificate with its private key"),
    "empty": (b"", b"", "holds no certificate with its private key"),
    "no key": (ONE.pem, ONE.pem, "holds no certificate with its private key"),
    "another key": (OTHER.key_pem + ONE.pem, ONE.pem, "holds no certificate with its private key"),
    "another certificate to trust": (ONE.key_pem + ONE.pem, OTHER.pem, "is not what the proxy signs by"),
    "none to trust": (ONE.key_pem + ONE.pem, b"", "is not what the proxy signs by"),
}


@pytest.mark.parametrize(("private", "public", "what"), BROKEN.values(), ids=BROKEN.keys())
def test_files_that_do_not_go_together_are_a_failure(tmp_path: Path, private: bytes, public: bytes, what: str) -> None:
    put(tmp_path, private, public)
    (finding,) = found(tmp_path)
    assert (finding.level, what in finding.what) == ("fail", True)
    assert f"Remove {tmp_path}/mitmproxy-ca*" in finding.next


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_private_key_that_others_can_read_is_a_warning(tmp_path: Path, mode: int) -> None:
    keep(tmp_path, ONE, mode)
    (tmp_path / "mitmproxy-ca.p12").write_bytes(b"")
    (tmp_path / "mitmproxy-ca.p12").chmod(mode)
    state, *warnings = found(tmp_path)
    assert state.level == "ok"
    names = ("mitmproxy-ca.pem", "mitmproxy-ca.p12")
    assert [finding.next for finding in warnings] == [f"chmod 600 {tmp_path / name}" for name in names]
