"""The built-in tool for the time."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from qwenproxy.tools.tool import ToolError

type Now = Callable[[], datetime]


def current_time(zone: str, now: datetime) -> str:
    """*now* in *zone*, an IANA name or a city that one ends in.  Raises ToolError."""
    there = now.astimezone(found(zone))
    offset = there.strftime("%:z")
    return f"{there.isoformat(timespec='seconds')} ({there:%A}, {there.tzname()}, UTC{offset}, {zone_name(there)})"


def zone_name(moment: datetime) -> str:
    return str(moment.tzinfo)


def found(zone: str) -> ZoneInfo:
    """The time zone that *zone* names.  Raises ToolError."""
    name = zone.strip().replace(" ", "_")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        cities = sorted(each for each in available_timezones() if each.rpartition("/")[2].lower() == name.lower())
    if not cities:
        raise ToolError(f"there is no time zone {zone[:64]!r}; IANA names such as Europe/Riga are known")
    return ZoneInfo(cities[0])


def utc_now() -> datetime:
    return datetime.now(UTC)
