"""Files that make clients trust the proxy's authority, and everybody whom they have trusted so far."""

import os
import re
import ssl
import tempfile
import warnings
from binascii import Error
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

PASSWORD = "changeit"  # of a store that holds no secrets; Java's own has the same
STORE = "truststore.p12"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----")

SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)
"""Where systems keep their authorities in one file."""


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """What variables name."""

    bundle: Path
    """Everybody: for clients that trust one file and nobody else."""
    extra: Path
    """The proxy's authority and what the user has added: for clients with a list of their own."""
    truststore: Path
    """Everybody, as Java reads it."""


def write(folder: Path, authority: bytes, replaced: Iterable[Path], added: Iterable[Path], stem: str) -> TrustFiles:
    """Write the files into *folder*, readable by their owner only.

    *authority* is the proxy's own, in PEM; *replaced* and *added* are the files and folders that the user's variables
    have named so far, for the bundle and for the extra file.  A file that cannot be read is left out.  Raises OSError.
    """
    added = list(added)
    own = list(certificates([authority.decode()]))
    extra = _once([*own, *certificates(texts(added))])
    everybody = _once([*extra, *certificates(texts([*replaced, *system()])), *_from_openssl()])
    names = [pkcs12.PKCS12Certificate(each, f"authority-{at}".encode()) for at, each in enumerate(everybody)]
    store = pkcs12.serialize_java_truststore(names, BestAvailableEncryption(PASSWORD.encode()))
    contents = {f"{stem}bundle.pem": _pem(everybody), f"{stem}extra.pem": _pem(extra), f"{stem}{STORE}": store}
    return TrustFiles(*[_put(folder / name, content) for name, content in contents.items()])


def is_store(name: str) -> bool:
    """Whether *name* is that of a store that `write` has made, for the shell or for another command."""
    return name.endswith(STORE) and "qwenproxy-" in name


def system() -> list[Path]:
    """The files with the authorities of the system, and those of Python's own list."""
    compiled_in = ssl.get_default_verify_paths().openssl_cafile
    return [Path(path) for path in (*SYSTEM, compiled_in, certifi.where())]


def texts(paths: Iterable[Path]) -> Iterator[str]:
    """What is in *paths*; of a folder, what is in its files."""
    for path in paths:
        try:
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                yield file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue


def certificates(of: Iterable[str]) -> Iterator[x509.Certificate]:
    """The certificates in PEM texts; what is none is left out, since clients would refuse the whole file for it."""
    for text in of:
        for block in _PEM.findall(text):
            try:
                yield _certificate(ssl.PEM_cert_to_DER_cert(block))
            except (ValueError, Error):
                continue


def _from_openssl() -> Iterator[x509.Certificate]:
    """The authorities of stores that are no files, as on Windows."""
    context = ssl.create_default_context()
    for der in context.get_ca_certs(binary_form=True):
        try:
            yield _certificate(der)
        except ValueError:
            continue


def _certificate(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old authorities' serial numbers, in every system's list
        return x509.load_der_x509_certificate(der)


def _once(found: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    return list({each.public_bytes(Encoding.DER): each for each in found}.values())


def _pem(of: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in of)


def _put(path: Path, content: bytes) -> Path:
    """Write *content* to *path*, at once for whoever reads it; nobody but the owner can read or change it."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # its mode is 0600
    with os.fdopen(number, "wb") as file:
        file.write(content)
    Path(name).replace(path)
    return path
