"""The time in a zone."""

from datetime import UTC, datetime, timedelta

import pytest

from qwenproxy.tools.clock import current_time, utc_now
from qwenproxy.tools.tool import ToolError

WINTER = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)

ZONES = {
    "an IANA name": ("Europe/Riga", "2026-11-23T00:30:00+02:00 (Monday, EET, UTC+02:00, Europe/Riga)"),
    "a city": ("riga", "2026-11-23T00:30:00+02:00 (Monday, EET, UTC+02:00, Europe/Riga)"),
    "a city in two words": ("New York", "2026-11-22T17:30:00-05:00 (Sunday, EST, UTC-05:00, America/New_York)"),
    "UTC": ("UTC", "2026-11-22T22:30:00+00:00 (Sunday, UTC, UTC+00:00, UTC)"),
    "half an hour": ("Asia/Kolkata", "2026-11-23T04:00:00+05:30 (Monday, IST, UTC+05:30, Asia/Kolkata)"),
}


@pytest.mark.parametrize(("zone", "text"), ZONES.values(), ids=ZONES)
def test_it_is_told_with_day_and_offset(zone: str, text: str) -> None:
    assert current_time(zone, WINTER) == text


@pytest.mark.parametrize("zone", ["Nowhere", "../../etc/passwd", "/etc/passwd", "", "Europe", "a\0b", "x" * 10_000])
def test_what_is_no_zone_is_an_error_and_opens_no_file(zone: str) -> None:
    with pytest.raises(ToolError, match="there is no time zone"):
        current_time(zone, WINTER)


def test_now_is_now() -> None:
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=5)
