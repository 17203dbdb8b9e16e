--@bullmq moveToFinished
--@include settled

-- BullMQ's own finishing of an active item, without its hand-out of the next one.
-- target: 'completed' or 'failed'; token '0' finishes whoever holds the lock; fields: more to write
-- into the item's hash, as a flat list.
-- Throughput is counted by the minute for a day, which is what dashboards draw.
-- Returns 0, or BullMQ's negative code with nothing changed (-1 gone, -2 and -6 lock lost, -3 not active).
local function finish(q, id, token, target, field, value, fields)
  local code = moveToFinished(
    { q.wait, q.active, q.prioritized, q.events, q.stalled, q.limiter, q.delayed, q.paused, q.meta, q.pc,
      q[target], q.base .. id, q.base .. 'metrics:' .. target, q.marker },
    { id, now, field, value, target, 0, q.base,
      cmsgpack.pack({ token = token, keepJobs = { count = -1 }, lockDuration = 0, attempts = 1, maxMetricsSize = 1440 }),
      cmsgpack.pack({ 'settledBy', token, unpack(fields) }) })
  if code ~= 0 then return code end
  rcall('ZREM', shard.inflight, q.name .. ' ' .. id)
  rcall('ZREM', shard.held, q.name .. ' ' .. id)
  return 0
end
