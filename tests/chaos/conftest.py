"""What the tests of chaos share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mitmproxy's folder; one for all, since a new certificate authority takes its time."""
    return tmp_path_factory.mktemp("mitmproxy")
