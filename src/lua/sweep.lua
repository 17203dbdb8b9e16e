-- Puts right what nobody announced: queues filled by plain BullMQ producers, items taken by stock
-- workers, switches that were turned from outside, a clock of Redis that was set back.
--   KEYS[1] shard prefix
--   ARGV[1] lock duration in ms   then the names of queues
-- Returns how many queues were found with work that no worker knew of.
--@include facts
--@include tally

-- Whether BullMQ's switches, and the index of queues that stand, say what our facts say.
local function mirrored(q, f)
  local switches = rcall('HMGET', q.meta, 'paused', 'concurrency')
  local shut = f[1] or f[2]
  if (rcall('ZSCORE', shard.standing, q.name) and true or false) ~= (shut and true or false) then return false end
  if (switches[1] or false) ~= (shut and OURS_PAUSED or false) then return false end
  if not q.blocking or not switches[2] then return true end
  return switches[2] == ((f[1] or f[3]) and '0' or '1')
end

local lockMs, found = tonumber(ARGV[1]), 0

-- A hold that began at a time to come would last until then and its own length.
local function holdAnew(q, heldUntil, heldAt)
  local till = now + heldUntil - heldAt
  rcall('HSET', q.facts, 'heldUntil', till, 'heldAt', now)
  rcall('ZADD', shard.holds, till, q.name)
end

-- Nor would anybody look for the item of a dead worker until its lock ends. Another process may have
-- longer locks, but none so long.
local function watch(q, id)
  local member, lock = q.name .. ' ' .. id, q.base .. id .. ':lock'
  rcall('ZADD', shard.inflight, 'NX', now + lockMs, member)
  if rcall('PTTL', lock) > math.max(10 * lockMs, 120000) then
    rcall('PEXPIRE', lock, lockMs)
    rcall('ZADD', shard.inflight, now + lockMs, member)
  end
end

for n = 2, #ARGV do
  local q = line(ARGV[n])
  local f = rcall('HMGET', q.facts, 'blockedBy', 'pausedAt', 'heldUntil', 'heldAt')
  if not mirrored(q, f) then
    notice(q)
    mirror(q)
  end
  if f[3] and tonumber(f[4] or 0) > now then holdAnew(q, f[3], f[4]) end
  if f[3] and q.blocking then rcall('ZADD', shard.holds, 'NX', f[3], q.name) end
  if rcall('EXISTS', q.wait, q.active, q.prioritized, q.delayed) > 0 then
    for _, id in ipairs(rcall('LRANGE', q.active, 0, -1)) do watch(q, id) end
    found = found + wake(q)
    tallyAnew(q, SHORT)
  elseif rcall('EXISTS', q.facts) == 1 then
    tallyAnew(q, SHORT) -- emptied with plain BullMQ, maybe
  end
end

-- An item on hold that somebody removed with plain BullMQ is on hold no more: the longest ones are looked at.
for _, member in ipairs(rcall('ZRANGE', shard.held, 0, 99)) do
  local name, id = member:match('^(%S+) (.+)$')
  if rcall('EXISTS', line(name).base .. id) == 0 then rcall('ZREM', shard.held, member) end
end

-- Nor has an item failed that was removed or retried with plain BullMQ, unless it blocks: some are looked at each
-- time, now here and now there.
local many = rcall('ZCARD', shard.failed)
local from = many > 100 and clock[2] % (many - 99) or 0
for _, id in ipairs(rcall('ZRANGE', shard.failed, from, from + 99)) do
  local name = rcall('HGET', shard.items, id)
  local q = name and line(name)
  if not q or not rcall('ZSCORE', q.failed, id) and rcall('HGET', q.facts, 'blockedBy') ~= id then
    rcall('ZREM', shard.failed, id)
  end
end
return found
