"""A proxy as a command's environment describes it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from qwenproxy.commands.launch.trust import TrustFiles
from qwenproxy.commands.launch.variables import Place

TRUST = TrustFiles(Path("/t/bundle.pem"), Path("/t/extra.pem"), Path("/t/truststore.p12"))
PLACE = Place(port=4711, trust=TRUST, hosts=("api.openai.com", "*.api.openai.com"))


def place(**changes: Any) -> Place:
    """One at port 4711, but for *changes*."""
    return replace(PLACE, **changes)
