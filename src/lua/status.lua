-- Queues as they are now. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV    names of queues
-- Returns per queue {facts, paused by BullMQ's own switch (0 or 1), waiting, active, delayed, failed,
--   finished, when the oldest waiting item came or '', title of the blocking item or '', its error JSON or ''}.
local queues = {}
for n = 1, #ARGV do
  local q = line(ARGV[n])
  local head = rcall('LINDEX', q.wait, -1)
  local blockedBy = rcall('HGET', q.facts, 'blockedBy')
  local blocker = blockedBy and rcall('HMGET', q.base .. blockedBy, 'title', 'error', 'name') or {}
  queues[n] = {
    rcall('HGETALL', q.facts),
    rcall('HEXISTS', q.meta, 'paused'),
    rcall('LLEN', q.wait) + rcall('ZCARD', q.prioritized),
    rcall('LLEN', q.active),
    rcall('ZCARD', q.delayed),
    rcall('ZCARD', q.failed),
    rcall('ZCARD', q.completed),
    head and rcall('HGET', q.base .. head, 'timestamp') or '',
    blocker[1] or '',
    blocker[2] or '',
    blocker[3] or '',
  }
end
return queues
