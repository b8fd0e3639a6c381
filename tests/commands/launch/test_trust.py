"""Files that make clients trust the proxy, and everybody whom they have trusted so far."""

import datetime
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from qwenproxy.commands.launch import trust

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def authority(name: str) -> bytes:
    """A certificate of *name*, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + datetime.timedelta(days=36500))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


OWN, CORPORATE, ADDED = authority("own"), authority("corporate"), authority("added")


@pytest.fixture(autouse=True)
def no_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system with few authorities: that the real ones are read, one test shows."""
    monkeypatch.setattr(trust, "system", list)
    monkeypatch.setattr(ssl.SSLContext, "get_ca_certs", lambda *_, **__: [])


def names(content: bytes) -> list[str]:
    """Who is in a PEM file."""
    return [name_of(each) for each in x509.load_pem_x509_certificates(content)]


def name_of(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def write(folder: Path, replaced: Sequence[Path] = (), added: Sequence[Path] = ()) -> trust.TrustFiles:
    return trust.write(folder, OWN, replaced, added, stem="")


def file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_bundle_holds_everybody_and_the_extra_file_what_was_added(tmp_path: Path) -> None:
    corporate, added = file(tmp_path / "a.pem", CORPORATE), file(tmp_path / "b.pem", ADDED)
    files = write(tmp_path, [corporate], [added])
    assert sorted(names(files.bundle.read_bytes())) == ["added", "corporate", "own"]
    assert sorted(names(files.extra.read_bytes())) == ["added", "own"]
    store = pkcs12.load_pkcs12(files.truststore.read_bytes(), trust.PASSWORD.encode())
    assert sorted(name_of(each.certificate) for each in store.additional_certs) == ["added", "corporate", "own"]


def test_everybody_is_there_once(tmp_path: Path) -> None:
    """Also when the files of an earlier call are what the variables name."""
    twice = file(tmp_path / "twice.pem", CORPORATE + b"# a comment\n" + CORPORATE.replace(b"\n", b"\r\n") + OWN)
    first = write(tmp_path, [twice], [twice])
    before = first.bundle.read_bytes()
    again = write(tmp_path, [first.bundle], [first.extra])
    assert sorted(names(before)) == sorted(names(again.bundle.read_bytes())) == ["corporate", "own"]


def test_a_folder_means_the_files_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    (folder / "deeper").mkdir(parents=True)
    file(folder / "a.pem", CORPORATE)
    file(folder / "b.0", ADDED)
    assert sorted(names(write(tmp_path, [folder]).bundle.read_bytes())) == ["added", "corporate", "own"]


BROKEN = {
    "no such file": None,
    "no text": b"\xff\xfe\x00",
    "no certificate": b"-----BEGIN CERTIFICATE-----\nTm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
    "no base64": b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
    "cut off": CORPORATE[:-40],
    "a key": b"-----BEGIN PRIVATE KEY-----\nTm8gY2VydGlmaWNhdGU=\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_certificate_is_left_out(tmp_path: Path, content: bytes | None) -> None:
    """A client would refuse the whole file for it."""
    path = tmp_path / "given.pem"
    if content is not None:
        file(path, content + ADDED)
    expected = ["own"] if content is None else ["added", "own"]
    assert sorted(names(write(tmp_path, [path]).bundle.read_bytes())) == expected


def test_only_the_owner_can_read_or_change_the_files_and_nothing_else_is_left(tmp_path: Path) -> None:
    files = write(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert {files.bundle, files.extra, files.truststore} == set(tmp_path.iterdir())


def test_the_lists_of_the_system_and_of_python_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert Path(certifi.where()) in trust.system()
    files = write(tmp_path)
    context = ssl.create_default_context(cafile=str(files.bundle))
    assert context.cert_store_stats()["x509_ca"] > 100
    assert names(files.extra.read_bytes()) == ["own"]
