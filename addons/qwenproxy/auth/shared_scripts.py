"""What happens to a shared login in one step each.

The login is a hash: `token` (sealed), `version`, `at` (when it was written, s), `access` and `refresh` (digests of the
tokens, to compare), `fence` (the number of the last lock), `origin` (digest of the refresh token that came from a
file), `gone` (why there is no token any more: `out`, signed out, or `over`, the server said so, or `doubt`, it said so
of a refresh token that was in doubt) and `why` (what it said), `spent` (who was the last to send the refresh token) and
`doubted` (somebody else had sent it before).

The lock is "OWNER:FENCE" and lasts as long as its lease.  `doubt` names the owner who was about to send the refresh
token: as long as it is there nobody else does.
"""

from qwenproxy.shared.script import Script

_NAMES = """
local login, lock, doubt = ARGV[1], ARGV[1] .. ':lock', ARGV[1] .. ':doubt'
local function version() return tonumber(redis.call('HGET', login, 'version') or '0') end
local function put(number, first)
    redis.call('HSET', login, 'version', number, 'fence', math.max(number,
        tonumber(redis.call('HGET', login, 'fence') or '0')), 'token', ARGV[first], 'at', ARGV[first + 1],
        'access', ARGV[first + 2], 'refresh', ARGV[first + 3])
    redis.call('HDEL', login, 'gone', 'why', 'spent', 'doubted')
end
local function settle(span) redis.call('SET', lock, 'settling', 'NX', 'PX', span) end
"""

READ = Script(_NAMES, "return redis.call('HMGET', login, 'version', 'at', 'token', 'gone', 'why')")

ACQUIRE = Script(
    _NAMES,
    """
local owner, lease, seen, keeping = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local holder = redis.call('GET', lock)
if not keeping then
    if seen ~= version() then return -1 end
    local doubted = redis.call('GET', doubt)
    if doubted and doubted ~= owner then return holder and 0 or -2 end
end
if holder and not (keeping and holder == 'settling') then return 0 end
local fence = redis.call('HINCRBY', login, 'fence', 1)
redis.call('SET', lock, owner .. ':' .. fence, 'PX', lease)
return fence
""",
)
"""LOGIN OWNER LEASE VERSION KEEPING: the fence; 0 if somebody has it; -1 if the login is not that version any more.

-2: its last holder has fallen silent, and there is doubt.
"""

EXTEND = Script(_NAMES, "return redis.call('GET', lock) == ARGV[2] and redis.call('PEXPIRE', lock, ARGV[3]) or 0")
"""LOGIN LOCK LEASE: whether it is still ours, for one more lease then."""

SPEND = Script(
    _NAMES,
    """
if redis.call('GET', lock) ~= ARGV[2] then return 0 end
redis.call('SET', doubt, ARGV[3], 'PX', ARGV[4])
local before = redis.call('HGET', login, 'spent')
if before and before ~= ARGV[3] then redis.call('HSET', login, 'doubted', 1) end
redis.call('HSET', login, 'spent', ARGV[3])
return 1
""",
)
"""LOGIN LOCK OWNER SPAN: whether the lock is still ours; there is doubt about the refresh token then."""

RELEASE = Script(
    _NAMES,
    """
if ARGV[4] == '1' then
    if redis.call('GET', doubt) == ARGV[3] then redis.call('DEL', doubt) end
    if redis.call('HGET', login, 'spent') == ARGV[3] then redis.call('HDEL', login, 'spent') end
end
if redis.call('GET', lock) == ARGV[2] then redis.call('DEL', lock) end
return 1
""",
)
"""LOGIN LOCK OWNER SURE: give the lock back, and where there is no doubt any more, say so."""

WRITE = Script(
    _NAMES,
    """
local mine, over, known = ARGV[2], ARGV[3], redis.call('HGET', login, 'access')
local fence = tonumber(string.match(mine, ':(%d+)$') or '0')
if mine ~= '' and (redis.call('GET', lock) ~= mine or fence < version()) then return -1 end
if over ~= '*' then
    local found = false
    for each in string.gmatch(over, '%S+') do found = found or each == known end
    if known and not found then return 0 end
    if over ~= '' and redis.call('HGET', login, 'gone') == 'out' then return 0 end
end
if mine == '' then fence = redis.call('HINCRBY', login, 'fence', 1) end
put(fence, 4)
redis.call('DEL', doubt)
return fence
""",
)
"""LOGIN LOCK OVER TOKEN AT ACCESS REFRESH: the new version; 0 if another login is there; -1 if the lock is lost.

No LOCK: none is needed.  OVER: digests of the access tokens that may be written over, or `*`: any.
"""

REMOVE = Script(
    _NAMES,
    """
local mine, only, why, known = ARGV[2], ARGV[3], ARGV[4], redis.call('HGET', login, 'refresh')
local over = redis.call('HEXISTS', login, 'doubted') == 1 and 'doubt' or 'over'
if mine ~= '' and redis.call('GET', lock) ~= mine then return -1 end
if only ~= '*' and known then
    local found = false
    for each in string.gmatch(only, '%S+') do found = found or each == known end
    if not found then return -2 end
end
redis.call('HDEL', login, 'token', 'at', 'access', 'refresh', 'spent', 'doubted')
redis.call('HSET', login, 'gone', only == '*' and 'out' or over, 'why', why,
    'version', redis.call('HINCRBY', login, 'fence', 1))
redis.call('DEL', doubt)
return known and 1 or 0
""",
)
"""LOGIN LOCK ONLY WHY: 1 if there was a login; -1 if the lock is lost; -2 if another login is there."""

RESTORE = Script(
    _NAMES,
    """
local number, there = tonumber(ARGV[2]), version()
if there >= number then return 0 end
put(number, 4)
settle(ARGV[3])
return 1
""",
)
"""LOGIN VERSION SPAN TOKEN AT ACCESS REFRESH: put back what Redis has lost, if it has nothing newer.

Whoever has something newer has so long to say so: until then nobody renews.
"""

OFFER = Script(
    _NAMES,
    """
if redis.call('HEXISTS', login, 'token') == 1 or redis.call('HGET', login, 'origin') == ARGV[2] then return 0 end
local number = redis.call('HINCRBY', login, 'fence', 1)
put(number, 4)
redis.call('HSET', login, 'origin', ARGV[2])
settle(ARGV[3])
return number
""",
)
"""LOGIN ORIGIN SPAN TOKEN AT ACCESS REFRESH: the version of a login that was in a file only; 0 if it is not wanted."""
