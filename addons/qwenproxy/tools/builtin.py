"""The tools that come with the proxy.  Each is off until it is named."""

from typing import Annotated

from pydantic import Field

from qwenproxy.settings.tools import ToolSettings
from qwenproxy.tools import arithmetic, clock
from qwenproxy.tools.fetch import Fence, Fetcher
from qwenproxy.tools.functions import from_function, tool
from qwenproxy.tools.tool import Tool

SOURCE = "built in"
NAMES = ("calculate", "current_time", "fetch_url")


@tool(read_only=True)
def current_time(
    timezone: Annotated[str, Field(max_length=64, description="IANA name, such as Europe/Riga; or a city")] = "UTC",
) -> str:
    """Tell the current date, weekday and time in a time zone."""
    return clock.current_time(timezone, clock.utc_now())


@tool(read_only=True)
def calculate(
    expression: Annotated[str, Field(description="For example (17^23) mod 1000, 1/3 + 1/6, pow(3, -1, 7) or 20!")],
) -> str:
    """Calculate exactly, with numbers of up to 3,900 digits, fractions and remainders.

    There are + - * / // % (or mod) ^ (or **) ! and brackets, and the functions abs, ceil, comb, floor, gcd, lcm, max,
    min, pow(base, exponent, modulus), round and sqrt.
    """
    return arithmetic.calculate(expression)


def fetching(hosts: tuple[str, ...]) -> Tool:
    """The tool that fetches from *hosts*."""
    fetcher = Fetcher(Fence(hosts))

    async def fetch_url(url: Annotated[str, Field(description="An absolute http:// or https:// URL")]) -> str:
        return await fetcher.fetch(url)

    fetch_url.__doc__ = f"Fetch a text or the words of a web page. Allowed hosts: {', '.join(hosts)}."
    return from_function("", tool(read_only=True)(fetch_url), SOURCE)


def tools(settings: ToolSettings) -> list[Tool]:
    """Those that *settings* leave something to do: without hosts, there is nothing to fetch."""
    found = [from_function("", each, SOURCE) for each in (current_time, calculate)]
    return [*found, fetching(settings.fetch_hosts)] if settings.fetch_hosts else found
