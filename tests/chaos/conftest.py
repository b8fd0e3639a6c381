"""What the tests of chaos share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.outcomes import settle


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mitmproxy's folder; one for all, since a new certificate authority takes its time."""
    return tmp_path_factory.mktemp("mitmproxy")


@pytest.fixture(scope="module")
def got(request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, str]]]:
    """What the cases of a module come to: when all of its `CASES` have run, it is settled as that of its `GROUP`."""
    found: dict[str, dict[str, str]] = {}
    yield found
    if len(found) == request.module.CASES:
        settle(request.module.GROUP, found)
