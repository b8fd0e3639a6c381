"""What happens to stored responses and conversations in a Redis, in one step each.

PREFIX r:ID and c:ID are responses and conversations (hashes); i:HOLDER:SIDE the order of their items (place, id), e:ID
that of the events of a response (first number, by the last); b:HOLDER the bodies of all these, sealed.  x:OWNER:ITEM
says where an item lies.  `used` and `sizes` tell what to forget, `running` what is being made and by whom, `beats` when
each of those who make responses has been heard of.

All begin with PREFIX LIFETIME(ms) ROOM(bytes); items are given as their count and then id and body of each.
"""

from qwenproxy.state.redis_functions import program

BEAT = program("""
local before = tonumber(call('GET', P .. 'heard') or NOW)
if NOW - before > GAP then call('SET', P .. 'amnesty', 1, 'EX', HEARD) end
call('SET', P .. 'heard', NOW)
call('HSET', P .. 'beats', ARGV[4], NOW)
for _, runner in ipairs(call('HKEYS', P .. 'beats')) do
    if NOW - tonumber(call('HGET', P .. 'beats', runner)) > 86400 then call('HDEL', P .. 'beats', runner) end
end
return 1
""")
"""RUNNER: it is there."""

LEAVE = program("return call('HDEL', P .. 'beats', ARGV[4])")
"""RUNNER: it is not there any more."""

ADD = program("""
local id, who, conversation, body = ARGV[4], ARGV[5], ARGV[10], ARGV[11]
local place = conversation ~= '' and last(conversation, 0) or 0
call('HSET', P .. 'r:' .. id, 'owner', who, 'status', ARGV[6], 'runner', ARGV[7], 'logged', ARGV[8],
    'previous', ARGV[9], 'conversation', conversation, 'place', place, 'body', body)
call('HSET', P .. 'running', id, ARGV[7])
grow(id, #body + 300)
put(id, 0, who, 12)
touch(id)
sweep()
return 1
""")
"""ID OWNER STATUS RUNNER LOGGED PREVIOUS CONVERSATION BODY ITEMS: a response that is being made."""

APPEND = program("""
local id = ARGV[4]
if not RUNNING[call('HGET', P .. 'r:' .. id, 'status') or ''] then return 0 end
if ARGV[7] ~= '' then
    write(id, ARGV[5], ARGV[6], ARGV[7])
    call('PEXPIRE', P .. 'e:' .. id, LIFETIME)
end
return 1
""")
"""ID FIRST LAST EVENTS: 0 if it is not being made any more."""

END = program("""
local id, status, body = ARGV[4], ARGV[5], ARGV[6]
local key = P .. 'r:' .. id
if not RUNNING[call('HGET', key, 'status') or ''] then return 0 end
local who, conversation = unpack(call('HMGET', key, 'owner', 'conversation'))
grow(id, #body - #call('HGET', key, 'body'))
call('HSET', key, 'status', status, 'body', body)
call('HDEL', key, 'runner')
call('HDEL', P .. 'running', id)
local at = put(id, 1, who, 7)
if ARGV[at + 2] ~= '' then write(id, ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
if (status == 'completed' or status == 'incomplete') and conversation ~= '' and owned('c:', who, conversation) then
    local found = items(id, 1, nil, items(id, 0, nil, {}))
    for each = 1, #found, 2 do keep(conversation, 0, who, found[each], found[each + 1]) end
    touch(conversation)
end
touch(id)
sweep()
return 1
""")
"""ID STATUS BODY ITEMS FIRST LAST EVENTS: 0 if it has been ended, or removed, before."""

FIND = program("""
local key = P .. 'r:' .. ARGV[5]
if not owned('r:', ARGV[4], ARGV[5]) then return false end
local body, logged, runner = unpack(call('HMGET', key, 'body', 'logged', 'runner'))
return {body, logged, runner and not alive(runner) and 1 or 0, items(ARGV[5], 1, nil, {})}
""")
"""OWNER ID: body, whether it is logged, whether it is an orphan, its output."""

REMOVE = program("""
if not owned(ARGV[4], ARGV[5], ARGV[6]) then return 0 end
clear(ARGV[6])
return 1
""")
"""KIND OWNER ID: whether there was one."""

HISTORY = program("""
local who, line, id = ARGV[4], {}, ARGV[5]
while id ~= '' do
    if not owned('r:', who, id) then return false end
    table.insert(line, 1, id)
    id = call('HGET', P .. 'r:' .. id, 'previous')
end
local found = {}
for _, each in ipairs(line) do
    touch(each)
    local conversation, place = unpack(call('HMGET', P .. 'r:' .. each, 'conversation', 'place'))
    if conversation ~= '' then items(conversation, 0, tonumber(place), found) end
    items(each, 1, nil, items(each, 0, nil, found))
end
return found
""")
"""OWNER ID: all items that led to it, and its output."""

LOG = program("""
local id, size, found = ARGV[4], 0, {}
local runner = call('HGET', P .. 'r:' .. id, 'runner')
local over = not (runner and alive(runner))
for _, first in ipairs(call('ZRANGEBYSCORE', P .. 'e:' .. id, '(' .. ARGV[5], '+inf')) do
    local body = call('HGET', bodies(id), 'e:' .. first)
    found[#found + 1], found[#found + 2] = first, body
    size = size + #body
    if size > tonumber(ARGV[6]) then return {0, found} end
end
return {over and 1 or 0, found}
""")
"""ID AFTER MOST: whether it is over, and events from behind AFTER, each with its first number."""

REFERRED = program("""
local found = {}
for at = 5, #ARGV do
    local where = call('GET', P .. 'x:' .. ARGV[4] .. ':' .. ARGV[at])
    if where then
        local place, side, holder = string.match(where, '^(%d+)|(%d)(.*)$')
        local body = call('HGET', bodies(holder), side .. ':' .. place)
        if body then found[#found + 1], found[#found + 2] = ARGV[at], body end
    end
end
return found
""")
"""OWNER IDS: those of the items that there are."""

ORPHANS = program("""
local found, running = {}, call('HGETALL', P .. 'running')
for at = 1, #running, 2 do
    local who = call('HGET', P .. 'r:' .. running[at], 'owner')
    if not who then
        call('HDEL', P .. 'running', running[at])
    elseif not alive(running[at + 1]) then
        found[#found + 1], found[#found + 2] = who, running[at]
    end
end
return found
""")
"""Owner and id of those whose runner is dead."""

PAGE = program("""
local holder, side, after, limit, down = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8] == '1'
local at
if after ~= '' then
    for _, member in ipairs(call('ZRANGE', order(holder, side), 0, -1)) do
        local place, id = parts(member)
        if id == after then at = at or place end
    end
    if not at then return false end
end
local members
if down then
    members = call('ZREVRANGEBYSCORE', order(holder, side), at and '(' .. at or '+inf', '-inf', 'LIMIT', 0, limit + 1)
else
    members = call('ZRANGEBYSCORE', order(holder, side), at and '(' .. at or '-inf', '+inf', 'LIMIT', 0, limit + 1)
end
local found = {}
for each = 1, math.min(limit, #members) do
    local place, id = parts(members[each])
    found[#found + 1], found[#found + 2] = id, call('HGET', bodies(holder), side .. ':' .. place)
end
return {#members > limit and 1 or 0, found}
""")
"""HOLDER SIDE AFTER LIMIT DOWN: whether there are more, and items from behind AFTER."""

OPEN = program("""
call('HSET', P .. 'c:' .. ARGV[4], 'owner', ARGV[5], 'body', ARGV[6])
grow(ARGV[4], #ARGV[6] + 300)
put(ARGV[4], 0, ARGV[5], 7)
touch(ARGV[4])
sweep()
return 1
""")
"""ID OWNER BODY ITEMS: a new conversation."""

CONVERSATION = program("return owned('c:', ARGV[4], ARGV[5]) and call('HGET', P .. 'c:' .. ARGV[5], 'body')")
"""OWNER ID: its body."""

REWRITE = program("""
if not owned('c:', ARGV[4], ARGV[5]) then return 0 end
grow(ARGV[5], #ARGV[6] - #call('HGET', P .. 'c:' .. ARGV[5], 'body'))
call('HSET', P .. 'c:' .. ARGV[5], 'body', ARGV[6])
touch(ARGV[5])
return 1
""")
"""OWNER ID BODY: whether there is such a conversation."""

EXTEND = program("""
if not owned('c:', ARGV[4], ARGV[5]) then return 0 end
put(ARGV[5], 0, ARGV[4], 6)
touch(ARGV[5])
sweep()
return 1
""")
"""OWNER ID ITEMS: whether there is such a conversation."""

CONTENT = program("""
if not owned('c:', ARGV[4], ARGV[5]) then return false end
touch(ARGV[5])
return items(ARGV[5], 0, nil, {})
""")
"""OWNER ID: all its items."""

ITEM = program("""
for side = 0, 1 do
    for _, member in ipairs(call('ZRANGE', order(ARGV[4], side), 0, -1)) do
        local place, id = parts(member)
        if id == ARGV[5] then return call('HGET', bodies(ARGV[4]), side .. ':' .. place) end
    end
end
return false
""")
"""HOLDER ITEM: its body."""

DROP = program("""
local dropped = 0
for side = 0, 1 do
    for _, member in ipairs(call('ZRANGE', order(ARGV[4], side), 0, -1)) do
        local place, id = parts(member)
        if id == ARGV[5] then
            call('ZREM', order(ARGV[4], side), member)
            call('HDEL', bodies(ARGV[4]), side .. ':' .. place)
            dropped = 1
        end
    end
end
unindex(owner(ARGV[4]) or '', ARGV[5], ARGV[4])
return dropped
""")
"""HOLDER ITEM: whether it was there."""
