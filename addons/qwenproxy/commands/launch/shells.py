"""Variables as a shell takes them, to be evaluated there."""

from collections.abc import Callable, Mapping
from types import MappingProxyType


def _sh(name: str, value: str) -> str:
    quoted = value.replace("'", "'\\''")
    return f"export {name}='{quoted}'"


def _fish(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"$env:{name} = '{quoted}'"


SHELLS: Mapping[str, Callable[[str, str], str]] = MappingProxyType(
    {"sh": _sh, "fish": _fish, "powershell": _powershell}
)


def lines(shell: str, variables: Mapping[str, str]) -> list[str]:
    """A line of *shell* for each of *variables*."""
    return [SHELLS[shell](name, value) for name, value in variables.items()]
