"""Programs that stand beside the proxy: Redis, HAProxy and their like, as the system has them."""

import shutil

import pytest

PACKAGES = {"redis-server": "redis-server", "haproxy": "haproxy", "nginx": "nginx", "promtool": "prometheus"}
"""Programs, and the Debian packages that they are in."""


def needs(*programs: str) -> list[pytest.MarkDecorator]:
    """The marks of tests that run *programs*: the group that they are in, and a reason to skip them without one."""
    missing = [name for name in programs if shutil.which(name) is None]
    packages = ", ".join(PACKAGES.get(name, name) for name in missing)
    reason = f"there is no {' and no '.join(missing)} on this machine (Debian: {packages})"
    return [pytest.mark.services, pytest.mark.skipif(bool(missing), reason=reason)]
