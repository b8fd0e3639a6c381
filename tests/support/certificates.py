"""Certificates for tests: authorities, and servers' signed by them."""

import datetime
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DAY = 86_400.0
NOW = 1_790_000_000.0


@dataclass(frozen=True)
class Made:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    def serving(self, folder: Path) -> SSLContext:
        """What a server shows it by."""
        file = folder / "server.pem"
        file.write_bytes(self.key_pem + self.pem)
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def authority(name: str = "own", begins: float = NOW - DAY, ends: float = NOW + 3650 * DAY) -> Made:
    """An authority, valid from *begins* to *ends* (seconds since 1970)."""
    key = ec.generate_private_key(ec.SECP256R1())
    basic = x509.BasicConstraints(ca=True, path_length=None)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = _builder(name, name, key, begins, ends).add_extension(basic, critical=True)
    builder = builder.add_extension(usage, critical=True).add_extension(identity, critical=False)
    return Made(builder.sign(key, hashes.SHA256()), key)


def server(by: Made, begins: float, ends: float) -> Made:
    """A certificate for 127.0.0.1, signed by the authority *by*, whose name is `own`."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    builder = _builder("server", "own", key, begins, ends).add_extension(names, critical=False)
    return Made(builder.add_extension(issuer, critical=False).sign(by.key, hashes.SHA256()), key)


def _builder(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, begins: float, ends: float
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(_moment(begins)).not_valid_after(_moment(ends))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
