-- Queues as they are now. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV    names of queues
-- Returns per queue {facts, paused by BullMQ's own switch (0 or 1), waiting, active, delayed, failed,
--   finished, when the oldest waiting item came or '', title of the blocking item or '', its error JSON or '',
--   its instruction or '', queue id of the head or '', since when the head is on hold or '', how often the
--   hold was prolonged or '', why (JSON) or ''}.
local queues = {}
for n = 1, #ARGV do
  local q = line(ARGV[n])
  local head = rcall('LINDEX', q.wait, -1)
  -- A head on hold is asked about under a claim: it stays on hold while it is active for that.
  local held = q.blocking and rcall('LINDEX', q.active, -1) or q.blocking and head
  local hold = held and rcall('HMGET', q.base .. held, 'heldSince', 'heldTimes', 'heldWhy') or {}
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
    held or '',
    hold[1] or '',
    hold[2] or '',
    hold[3] or '',
  }
end
return queues
