"""Whether the apps of this shell trust the proxy's authority."""

from pathlib import Path

import pytest

from qwenproxy.commands.checks import trusting
from qwenproxy.commands.checks.authority import Authority
from qwenproxy.commands.checks.findings import Finding
from qwenproxy.commands.launch import trust
from tests.support.certificates import authority

OWN, OTHER = authority(), authority("other")
ALL = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's list, without the proxy's authority."""
    file = tmp_path / "system.pem"
    file.write_bytes(OTHER.pem)
    monkeypatch.setattr(trust, "SYSTEM", (str(file),))
    return file


def found(folder: Path, environ: dict[str, str], *, intercepting: bool = True) -> list[Finding]:
    findings = list(trusting.trusting(Authority(folder, OWN.pem, OWN.certificate), environ, intercepting=intercepting))
    assert all(bool(finding.next) is (finding.level != "ok") for finding in findings)
    return findings


def both(folder: Path) -> str:
    file = folder / "both.pem"
    file.write_bytes(OTHER.pem + OWN.pem)
    return str(file)


def one(folder: Path, content: bytes) -> str:
    file = folder / "one.pem"
    file.write_bytes(content)
    return str(file)


def test_a_shell_that_trusts_it_everywhere_is_well(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, dict.fromkeys(ALL, both(tmp_path)))
    assert (finding.level, finding.what) == ("ok", f"the authority is trusted by {', '.join(ALL)}")


def test_a_variable_whose_file_lacks_it_is_named(tmp_path: Path, system: Path) -> None:
    first, *_ = found(tmp_path, dict.fromkeys(ALL, both(tmp_path)) | {"REQUESTS_CA_BUNDLE": str(system)})
    assert (first.level, first.what) == ("warn", f"REQUESTS_CA_BUNDLE (requests): the authority is not in {system}")


def test_variables_that_are_not_set_are_named_with_their_clients(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {})
    assert finding.level == "warn"
    assert all(name in finding.what for name in (*ALL, "openai-python", "Node"))


def test_the_system_may_trust_it_for_those_that_go_by_it(tmp_path: Path, system: Path) -> None:
    system.write_bytes(OTHER.pem + OWN.pem)
    unset, trusted = found(tmp_path, {})
    assert [name in unset.what for name in ALL] == [False, True, False, True]
    assert trusted.what == "the authority is trusted by the system's own list"


def test_a_file_that_replaces_the_list_should_hold_more_than_it(tmp_path: Path) -> None:
    environ = dict.fromkeys(ALL, both(tmp_path)) | {"SSL_CERT_FILE": one(tmp_path, OWN.pem)}
    assert "nobody else" in found(tmp_path, environ)[0].what
    adding = dict.fromkeys(ALL, both(tmp_path)) | {"NODE_EXTRA_CA_CERTS": one(tmp_path, OWN.pem)}
    assert [finding.level for finding in found(tmp_path, adding)] == ["ok"], "what adds to a list may hold it alone"


@pytest.mark.parametrize("intercepting", [True, False])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["no file", "empty", "something else"])
def test_a_file_without_certificates_is_always_a_warning(
    tmp_path: Path, content: bytes | None, intercepting: bool
) -> None:
    path = str(tmp_path / "nonesuch.pem") if content is None else one(tmp_path, content)
    environ = dict.fromkeys(ALL, both(tmp_path)) | {"SSL_CERT_FILE": path}
    first, *rest = found(tmp_path, environ, intercepting=intercepting)
    assert first.what == f"SSL_CERT_FILE names {path}, which holds no certificate that can be read"
    assert [finding.level for finding in (first, *rest)] == ["warn", "ok"]


def test_where_nothing_is_intercepted_nothing_must_be_trusted(tmp_path: Path, system: Path) -> None:
    (finding,) = found(tmp_path, {"SSL_CERT_FILE": str(system)}, intercepting=False)
    assert (finding.level, "nothing in this shell has to trust" in finding.what) == ("ok", True)


def test_without_an_authority_there_is_nothing_to_trust(tmp_path: Path) -> None:
    (finding,) = trusting.trusting(Authority(tmp_path), {}, intercepting=True)
    assert finding.level == "warn"
