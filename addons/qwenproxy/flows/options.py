"""mitmproxy's options, as they are set and as they stand by default."""

from collections.abc import Mapping

from mitmproxy import ctx
from mitmproxy.optmanager import unset

from qwenproxy import settings
from qwenproxy.settings import Settings

LOOKERS = ("view", "dumper")
"""mitmproxy's addons that show flows, and its options by which flows are written or handed to someone else."""
LOOKED_AT = ("save_stream_file", "hardump", "scripts")


def is_looked_at() -> bool:
    """Whether anything may look at flows: if not, nothing is kept for viewing."""
    asked = (getattr(ctx.options, name, None) for name in LOOKED_AT)
    return any(asked) or any(ctx.master.addons.get(name) is not None for name in LOOKERS)


def is_set(name: str) -> bool:
    """Whether the user has set mitmproxy's option *name*, even if to its default."""
    return ctx.options._options[name].value is not unset


def defaults() -> dict[str, object]:
    """What the options of the settings say that nobody has set."""
    return {each.name: ctx.options._options[each.name].default for each in settings.options()}


def defaults_by(found: Settings) -> dict[str, object]:
    """The same, by settings that were loaded without options."""
    return {each.name: each.default for each in settings.options(found)}


def set_defaults(values: Mapping[str, object]) -> None:
    """Give options other defaults: one that says its default counts as not given."""
    for name, value in values.items():
        ctx.options._options[name]._default = value
