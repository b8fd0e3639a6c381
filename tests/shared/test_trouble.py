"""What is told of a Redis that cannot be reached; what real ones say is in tests/services/test_redis_tls.py."""

import pytest

from qwenproxy.shared import trouble

SAID = {
    "an authority": (
        "rediss://h",
        "Error 1 connecting to h:6379. [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed "
        "certificate in certificate chain (_ssl.c:1020).",
        "self-signed certificate in certificate chain (nobody whom this machine trusts has signed its certificate: "
        "name the file of the one who did, as in rediss://host:6379/0?ssl_ca_certs=/path/ca.pem)",
    ),
    "a time": (
        "rediss://h",
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1020).",
        "certificate has expired (renew its certificate, or see to the clock of this machine)",
    ),
    "TLS without our asking": (
        "redis://h",
        "Connection reset by peer",
        "Connection reset by peer (if it speaks TLS at this port, write rediss://)",
    ),
    "another certificate is no matter without TLS": ("unix:///r", "certificate has expired", "certificate has expired"),
    "nothing of ours": ("redis://h", "OOM command not allowed\nwhen", "OOM command not allowed when"),
    "at length": ("redis://h", 300 * "x", 200 * "x"),
}


@pytest.mark.parametrize(("url", "said", "told"), SAID.values(), ids=SAID.keys())
def test_in_one_line_and_with_what_to_do(url: str, said: str, told: str) -> None:
    assert trouble.told(url, said) == told
