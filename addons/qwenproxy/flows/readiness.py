"""Whether the proxy can answer apps: for each way to Qwen whether its credential will do, and if not, what to do."""

import time
from typing import NamedTuple

from qwenproxy.auth.credentials import MissingKey, NoCredential
from qwenproxy.auth.oauth import OAuth
from qwenproxy.lines import Line

SIGN_IN = "sign in with `qwenproxy login`, or set an API key (QWENPROXY_API_KEY)"
FORGOTTEN = 60.0
"""Seconds after which a refusal is worth another try: who gets no requests could not find out that it is over."""
MEND = "check the key and its account, set another one (QWENPROXY_API_KEY), and start the proxy again"


class Readiness(NamedTuple):
    """How things are with a way to Qwen; `next` is what to do if it is not ready.  No secret."""

    ready: bool
    state: str
    next: str = ""


def readiness(line: Line) -> Readiness:
    """Whether *line* will do: its credential worked, or nothing speaks against it yet."""
    credential = line.credential
    if isinstance(credential, MissingKey):
        return Readiness(False, "there is no key", credential.error.message)
    if isinstance(credential, OAuth) and not (signed_in := _signed_in(credential)).ready:
        return signed_in
    if line.refused is not None and time.monotonic() < line.refused[0] + FORGOTTEN:
        return Readiness(False, f"the credential was refused: {line.refused[1].message}", MEND)
    if line.complaint:
        return Readiness(False, line.complaint, MEND)
    if isinstance(credential, NoCredential):
        return Readiness(True, "the upstream wants none")
    what = "login" if isinstance(credential, OAuth) else "key"
    return Readiness(True, f"the {what} has worked" if line.worked else f"there is a {what}, which was not tried yet")


def _signed_in(login: OAuth) -> Readiness:
    status = login.status()
    if status.expires_at is not None and status.expires_at > time.time():
        return Readiness(True, status.state)
    if status.invitation is not None:
        link, code = status.invitation.link, status.invitation.user_code
        why = f"not signed in: {status.error}" if status.error else status.state
        return Readiness(False, why, f"open {link} and enter {code}, or run `qwenproxy login`")
    return Readiness(False, status.error or status.state, SIGN_IN)
