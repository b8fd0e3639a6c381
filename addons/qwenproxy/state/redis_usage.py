"""What was used, by day, client key and model, in a Redis that several machines share.

PREFIX days names the days that there are; PREFIX DAY is one (a hash), from `FIGURE KEY MODEL` to a number;
PREFIX batch:NAME is there while that batch might be given again.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qwenproxy.settings.values import Secret
from qwenproxy.shared import errand
from qwenproxy.shared.script import Script
from qwenproxy.state.base import Use
from qwenproxy.state.usage import day_of

PREFIX = "qwenproxy:usage:"
DAY = 86_400.0
WIDTH = len(Use._fields)
AGAIN = 7 * DAY
"""Seconds for which it is known which batches were added: one that is tried again and again may take a while."""

ADD = Script(f"""
local days = ARGV[1] .. 'days'
local batch = ARGV[1] .. 'batch:' .. ARGV[4]
if ARGV[4] ~= '' and not redis.call('SET', batch, 1, 'NX', 'PX', {AGAIN * 1000:.0f}) then return end
for at = 5, #ARGV, {WIDTH} do
    local day, row = ARGV[at], ' ' .. ARGV[at + 1] .. ' ' .. ARGV[at + 2]
    for figure = 3, {WIDTH - 1} do redis.call('HINCRBY', ARGV[1] .. day, figure .. row, ARGV[at + figure]) end
    redis.call('PEXPIRE', ARGV[1] .. day, ARGV[3])
    redis.call('ZADD', days, 0, day)
end
redis.call('ZREMRANGEBYLEX', days, '-', '(' .. ARGV[2])
redis.call('PEXPIRE', days, ARGV[3])
""")
"""PREFIX OLDEST LIFETIME(ms) BATCH USES: adds them, unless BATCH was added; days before OLDEST are forgotten."""

READ = Script("""
local found = {}
for _, day in ipairs(redis.call('ZRANGEBYLEX', ARGV[1] .. 'days', '[' .. ARGV[2], '+')) do
    found[#found + 1] = {day, redis.call('HGETALL', ARGV[1] .. day)}
end
return found
""")
"""PREFIX SINCE: each day with its fields and numbers."""


@dataclass(frozen=True)
class RedisUsage:
    """The usage in the Redis at *url*, of all machines together, forgotten after *lifetime* seconds."""

    url: str
    password: Secret
    lifetime: float
    now: Callable[[], float] = time.time

    def add(self, uses: Sequence[Use], batch: str = "") -> None:
        oldest, lifetime = day_of(self.now() - self.lifetime), round((self.lifetime + DAY) * 1000)
        words = (PREFIX, oldest, lifetime, batch, *(word for use in uses for word in use))
        errand.run(self.url, self.password.reveal(), ADD, words)

    def read(self, since: str) -> list[Use]:
        found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * (WIDTH - 3))
        for day, fields in errand.run(self.url, self.password.reveal(), READ, (PREFIX, since)):
            for field, number in zip(fields[::2], fields[1::2], strict=True):
                figure, key, model = field.decode().split(" ", 2)
                found[day.decode(), key, model][int(figure) - 3] = int(number)
        return [Use(*row, *figures) for row, figures in sorted(found.items())]
