"""What the programs of the store in a Redis have in common: functions in Lua, and how long silence means death."""

from qwenproxy.shared.script import Script

HEARD = 30
"""Seconds after which somebody who has not been heard of is dead."""
GAP = 15
"""Seconds in which nobody at all was heard of, as when the Redis was away: nobody is dead for a while then."""

_BASE = f"""
local P, LIFETIME, ROOM, HEARD, GAP = ARGV[1], ARGV[2], tonumber(ARGV[3]), {HEARD}, {GAP}
local RUNNING = {{queued = true, in_progress = true}}
local call = redis.call
local time = call('TIME')
local NOW = tonumber(time[1]) + tonumber(time[2]) / 1e6
"""

_FUNCTIONS = """
local function order(holder, side) return P .. 'i:' .. holder .. ':' .. side end
local function bodies(holder) return P .. 'b:' .. holder end
local function owner(holder)
    return call('HGET', P .. 'r:' .. holder, 'owner') or call('HGET', P .. 'c:' .. holder, 'owner')
end
local function owned(kind, who, id) return call('HGET', P .. kind .. id, 'owner') == who end
local function parts(member)
    local place, id = string.match(member, '^(%d+)|(.*)$')
    return tonumber(place), id
end
local function grow(holder, bytes)
    call('HINCRBY', P .. 'sizes', holder, bytes)
    call('INCRBY', P .. 'total', bytes)
end
local function last(holder, side)
    local found = call('ZREVRANGE', order(holder, side), 0, 0, 'WITHSCORES')
    return found[2] and tonumber(found[2]) + 1 or 0
end
local function keep(holder, side, who, id, body)
    local place = last(holder, side)
    call('ZADD', order(holder, side), place, place .. '|' .. id)
    call('HSET', bodies(holder), side .. ':' .. place, body)
    call('SET', P .. 'x:' .. who .. ':' .. id, place .. '|' .. side .. holder, 'PX', LIFETIME)
    grow(holder, #body + 2 * #id + 100)
end
local function put(holder, side, who, at)
    for each = 1, tonumber(ARGV[at]) do keep(holder, side, who, ARGV[at + 2 * each - 1], ARGV[at + 2 * each]) end
    return at + 2 * tonumber(ARGV[at]) + 1
end
local function write(id, first, tail, body)
    call('ZADD', P .. 'e:' .. id, tail, first)
    call('HSET', bodies(id), 'e:' .. first, body)
    grow(id, #body + 100)
end
local function touch(holder)
    call('ZADD', P .. 'used', NOW, holder)
    local who = owner(holder)
    for _, key in ipairs({P .. 'r:' .. holder, P .. 'c:' .. holder, P .. 'e:' .. holder, bodies(holder)}) do
        call('PEXPIRE', key, LIFETIME)
    end
    for side = 0, 1 do
        call('PEXPIRE', order(holder, side), LIFETIME)
        for _, member in ipairs(call('ZRANGE', order(holder, side), 0, -1)) do
            local _, id = parts(member)
            call('PEXPIRE', P .. 'x:' .. who .. ':' .. id, LIFETIME)
        end
    end
end
local function unindex(who, id, holder)
    local key = P .. 'x:' .. who .. ':' .. id
    local found = call('GET', key)
    if found and string.match(found, '^%d+|%d(.*)$') == holder then call('DEL', key) end
end
local function clear(holder)
    local who = owner(holder) or ''
    for side = 0, 1 do
        for _, member in ipairs(call('ZRANGE', order(holder, side), 0, -1)) do
            local _, id = parts(member)
            unindex(who, id, holder)
        end
        call('DEL', order(holder, side))
    end
    call('DEL', P .. 'r:' .. holder, P .. 'c:' .. holder, P .. 'e:' .. holder, bodies(holder))
    call('INCRBY', P .. 'total', -tonumber(call('HGET', P .. 'sizes', holder) or '0'))
    call('HDEL', P .. 'sizes', holder)
    call('HDEL', P .. 'running', holder)
    call('ZREM', P .. 'used', holder)
end
local function forget(oldest)
    local cleared = false
    for _, holder in ipairs(oldest) do
        if not RUNNING[call('HGET', P .. 'r:' .. holder, 'status') or ''] then
            clear(holder)
            cleared = true
        end
    end
    return cleared
end
local function sweep()
    forget(call('ZRANGEBYSCORE', P .. 'used', '-inf', NOW - LIFETIME / 1000, 'LIMIT', 0, 50))
    if tonumber(call('GET', P .. 'total') or '0') <= ROOM then return end
    while tonumber(call('GET', P .. 'total') or '0') > ROOM * 0.9 do
        if not forget(call('ZRANGE', P .. 'used', 0, 49)) then return end
    end
end
local function items(holder, side, before, found)
    for _, member in ipairs(call('ZRANGE', order(holder, side), 0, -1)) do
        local place, id = parts(member)
        if before == nil or place < before then
            found[#found + 1] = id
            found[#found + 1] = call('HGET', bodies(holder), side .. ':' .. place)
        end
    end
    return found
end
local function alive(runner)
    if call('EXISTS', P .. 'amnesty') == 1 then return true end
    if NOW - tonumber(call('GET', P .. 'heard') or '0') > GAP then return true end
    return NOW - tonumber(call('HGET', P .. 'beats', runner) or '0') < HEARD
end
"""


def program(text: str) -> Script:
    """*text* as a program that begins with PREFIX LIFETIME ROOM, and knows the functions."""
    return Script(_BASE, _FUNCTIONS, text)
