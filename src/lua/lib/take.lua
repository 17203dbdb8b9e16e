--@bullmq moveToActive

-- BullMQ's own nets, before the first item of a queue: one at a time, and a short event stream.
local function prepare(q)
  if q.blocking then rcall('HSETNX', q.meta, 'concurrency', 1) end
  rcall('HSETNX', q.meta, 'opts.maxLenEvents', 100)
end

-- The head of an open queue becomes active under a lock of this delivery; nil when there is none to take.
-- Also here: the fence, and the in-flight index that finds the item again should its worker die.
-- The queue has been through `prepare` before.
local function take(q, token, lockMs, worker)
  if stopped(q) then return nil end
  local taken = moveToActive(
    { q.wait, q.active, q.prioritized, q.events, q.stalled, q.limiter, q.delayed, q.paused, q.meta, q.pc, q.marker },
    { q.base, now, cmsgpack.pack({ token = token, lockDuration = lockMs, name = worker }) })
  if type(taken[1]) ~= 'table' then return nil end
  local fields, id = taken[1], taken[2]
  local fence = rcall('INCR', shard.fence)
  rcall('ZADD', shard.inflight, now + lockMs, q.name .. ' ' .. id)
  -- Ids of plain BullMQ producers start at 1e9; ours were written down when they were given out.
  if #id > 9 then rcall('HSETNX', shard.items, id, q.name) end
  return { q.name, id, fence, fields }
end
