"""Time that passes only when somebody sleeps, and waiting for what another task brings about."""

import asyncio
from collections.abc import Callable


class Clock:
    """Give `now` and `sleep` to what wants them; `slept` is what it slept."""

    def __init__(self, at: float = 1_790_000_000.0) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


async def until(fits: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for it, so many *seconds* at most; whether it came."""
    for _ in range(round(seconds / 0.002)):
        if fits():
            return True
        await asyncio.sleep(0.002)
    return False
