"""Time that passes only when somebody sleeps."""

import asyncio


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
