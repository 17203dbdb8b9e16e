--@bullmq moveToActive

-- The head of an open queue becomes active under a lock of this delivery; nil when there is none to take.
-- Also here: the fence, and the in-flight index that finds the item again should its worker die.
local function take(q, token, lockMs, worker)
  if stopped(q) then return nil end
  if q.blocking then rcall('HSETNX', q.meta, 'concurrency', 1) end
  rcall('HSETNX', q.meta, 'opts.maxLenEvents', 100)
  local taken = moveToActive(
    { q.wait, q.active, q.prioritized, q.events, q.stalled, q.limiter, q.delayed, q.paused, q.meta, q.pc, q.marker },
    { q.base, now, cmsgpack.pack({ token = token, lockDuration = lockMs, name = worker }) })
  if type(taken[1]) ~= 'table' then return nil end
  local fields, id = taken[1], taken[2]
  local fence = rcall('INCR', shard.fence)
  rcall('HSET', q.base .. id, 'fence', fence)
  rcall('ZADD', shard.inflight, now + lockMs, q.name .. ' ' .. id)
  rcall('HSETNX', shard.items, id, q.name)
  return { q.name, id, fence, fields }
end
