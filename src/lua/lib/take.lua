--@bullmq moveToActive
--@include ids
--@include tally

-- BullMQ's own nets, before the first item of a queue: one at a time, and a short event stream.
local function prepare(q)
  if q.blocking then rcall('HSETNX', q.meta, 'concurrency', 1) end
  rcall('HSETNX', q.meta, 'opts.maxLenEvents', 100)
end

-- An item that came by the enqueue has a title, if an empty one; one that was admitted its former id.
local function foreign(fields)
  for n = 1, #fields, 2 do
    if fields[n] == 'title' or fields[n] == 'foreignId' then return false end
  end
  return true
end

-- Gives an item of a plain BullMQ producer its queue id. Automatic ids come from the queue's own range
-- and stay; a custom one ("order-77") is no number, or another queue has it too, so the item moves to an id of
-- ours, for good: the queue id is also the idempotency key of every attempt.
local function admit(q, id, lock, lockMs)
  local number = id:match('^[1-9]%d+$') and #id > 9 and #id < 15
  if number and (enroll(q, id) or rcall('HGET', shard.items, id) == q.name) then
    rcall('HSET', q.base .. id, 'foreignId', id)
    return id
  end
  skipLost(replication())
  local ours = nextId(q)
  rcall('RENAME', q.base .. id, q.base .. ours)
  if rcall('EXISTS', q.base .. id .. ':logs') == 1 then
    rcall('RENAME', q.base .. id .. ':logs', q.base .. ours .. ':logs')
  end
  rcall('HSET', q.base .. ours, 'foreignId', id)
  rcall('DEL', q.base .. id .. ':lock')
  rcall('SET', q.base .. ours .. ':lock', lock, 'PX', lockMs)
  rcall('LREM', q.active, -1, id)
  rcall('LPUSH', q.active, ours)
  return ours
end

local function valueIn(fields, name)
  for n = 1, #fields, 2 do
    if fields[n] == name then return fields[n + 1] end
  end
end

-- Somebody had an item run again with plain BullMQ that was dealt with: it counts as open from here on.
local function reopen(q, id, outcome, entity)
  if outcome ~= 'completed' then
    rcall('ZREM', shard[outcome], id)
    rcall('HINCRBY', q.facts, outcome, -1)
  end
  rcall('HDEL', q.base .. id, 'outcome', 'outcomeDetails')
  tally(q, entity, 1)
  tallyAnew(q, SHORT) -- the sweeper may have counted it already
end

-- What was tried before goes before what a plain producer has pushed to the head meanwhile.
local function putFirst(q, id)
  rcall('HDEL', q.facts, 'first')
  if rcall('LINDEX', q.wait, -1) ~= id and rcall('LREM', q.wait, -1, id) == 1 then rcall('RPUSH', q.wait, id) end
end

-- The head of an open queue becomes active under a lock of this delivery; nil when there is none to take.
-- Also here: the fence, and the in-flight index that finds the item again should its worker die.
-- The queue has been through `prepare` before.
local function take(q, token, lockMs, worker)
  local f = rcall('HMGET', q.facts, 'blockedBy', 'pausedAt', 'heldUntil', 'first')
  if f[1] or f[2] or f[3] or fleetStands() then return nil end
  -- Whatever BullMQ's own switch allows: a stock worker may have one.
  if q.blocking and rcall('LLEN', q.active) > 0 then return nil end
  if f[4] then putFirst(q, f[4]) end
  -- The fence is also a time, in microseconds: a master that took over and has not heard of the last fences
  -- goes on above them all the same.
  local fence = math.max(tonumber(rcall('GET', shard.fence) or 0) + 1, clock[1] * 1000000 + clock[2])
  rcall('SET', shard.fence, string.format('%.0f', fence))
  local text = string.format('%.0f', fence)
  -- A run goes on from item to item and keeps its name, the claim's token and the first fence; each delivery
  -- has a lock of its own all the same.
  local lock = (token:match('^(.+)#') or token .. '.' .. text) .. '#' .. text
  local taken = moveToActive(
    { q.wait, q.active, q.prioritized, q.events, q.stalled, q.limiter, q.delayed, q.paused, q.meta, q.pc, q.marker },
    { q.base, now, cmsgpack.pack({ token = lock, lockDuration = lockMs, name = worker }) })
  if type(taken[1]) ~= 'table' then return nil end
  local fields, id = taken[1], taken[2]
  if foreign(fields) then id = admit(q, id, lock, lockMs) end
  local outcome = valueIn(fields, 'outcome')
  if outcome then reopen(q, id, outcome, valueIn(fields, 'entity')) end
  rcall('ZADD', shard.inflight, now + lockMs, q.name .. ' ' .. id)
  return { q.name, id, lock, fields }
end
