"""What is wrong on the way to a Redis, and what to do about it: what its client says is for programmers."""

import re
from typing import NamedTuple

LONGEST = 200  # characters of what was said


class Advice(NamedTuple):
    """What to do when *pattern* is in what was said at an address that begins with *scheme*."""

    scheme: str
    pattern: str
    text: str


_NAME = "its certificate is for another name: write the address with that name, or give the Redis a certificate for it"
_TRUST = (
    "nobody whom this machine trusts has signed its certificate: name the file of the one who did, as in "
    "rediss://host:6379/0?ssl_ca_certs=/path/ca.pem"
)
_ASKED = (
    "if it asks for a certificate of ours, add ssl_certfile=/path/own.pem&ssl_keyfile=/path/own.key to the address; if "
    "it speaks no TLS at this port, write redis://"
)
_FILES = "one of the files that the address names holds no certificate"
_KEY = "ssl_keyfile is not the key of the certificate in ssl_certfile"
_LOGIN = "see to the user in the address, and to the password there or in the setting state_password"
_RIGHTS = "give its user all commands but the dangerous ones on keys qwenproxy:* (ACL SETUSER)"

ADVICE = (
    Advice("rediss", "hostname mismatch|ip address mismatch|is not valid for", _NAME),
    Advice("rediss", "certificate has expired", "renew its certificate, or see to the clock of this machine"),
    Advice("rediss", "certificate is not yet valid", "see to the clock of this machine"),
    Advice("rediss", "certificate verify failed", _TRUST),
    Advice("rediss", "no certificate or crl|no start line|PEM lib", _FILES),
    Advice("rediss", "key values mismatch", _KEY),
    Advice("rediss", "wrong version number|record layer", "it speaks no TLS at this port: write redis://"),
    Advice("rediss", "alert|reset by peer|broken pipe|closed by server|no answer|timeout", _ASKED),
    Advice("redis", "reset by peer|closed by server|protocol error", "if it speaks TLS at this port, write rediss://"),
    Advice("", "invalid username|wrongpass|noauth|authentication required", _LOGIN),
    Advice("", "no permissions|noperm", _RIGHTS),
    Advice("", "db index is out of range", "the path of the address is the number of a database that it has"),
)
"""The first that fits holds."""

_NOISE = re.compile(
    r"Error -?\d+ connecting to \S+\. |\[\w+: \w+\] |certificate verify failed: (?=\S)| ?\(_ssl\.c:\d+\)|\.$"
)


def told(url: str, what: str) -> str:
    """*what* was said at *url*, in one line of a bounded length, and what to do about it."""
    said = " ".join(what.split())
    scheme = url.partition("://")[0]
    fits = (each for each in ADVICE if each.scheme in ("", scheme))
    advice = next((each.text for each in fits if re.search(each.pattern, said, re.IGNORECASE)), "")
    short = _NOISE.sub("", said)[:LONGEST]
    return f"{short} ({advice})" if advice else short
