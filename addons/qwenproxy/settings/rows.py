"""What the table of settings says of one of them."""

from dataclasses import dataclass, field
from typing import Any

from qwenproxy.settings.values import Kind


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says of a setting."""

    kind: Kind[Any]
    default: str
    help: str
    secret: bool = False
    shared: tuple[str, ...] = ()
    """Variables that other programs read too, the strongest first."""


def setting(kind: Kind[Any], default: str, help: str, **more: Any) -> Any:
    """A dataclass field that is a row of the table."""
    row = Row(kind, default, help, **more)
    return field(default_factory=lambda: kind.parse(default), metadata={"row": row})
