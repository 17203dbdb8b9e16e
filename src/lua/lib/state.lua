--@include ask

-- Where an item sits is its state. 'gone': there is none; 'removed': somebody removed it with plain
-- BullMQ while it blocked its queue, which it still does.
local function stateOf(q, id)
  if rcall('ZSCORE', q.failed, id) then return 'failed' end
  local blocks = rcall('HGET', q.facts, 'blockedBy') == id
  if rcall('EXISTS', q.base .. id) == 0 then return blocks and 'removed' or 'gone' end
  if rcall('ZSCORE', q.completed, id) then return rcall('HGET', q.base .. id, 'outcome') or 'completed' end
  if rcall('LPOS', q.active, id) then return isAsked(q, id) and 'backing-off' or 'active' end
  -- Put back by plain BullMQ, say by a dashboard's retry: it blocks until it was dealt with here.
  if blocks then return 'failed' end
  if rcall('HGET', q.facts, 'heldBy') == id then return 'backing-off' end
  if rcall('ZSCORE', q.delayed, id) then return 'backing-off' end
  return 'waiting'
end

-- Whether its failure is another than the one that somebody has seen and decides about.
local function isAnother(q, id, failedAt)
  return failedAt ~= '' and rcall('HGET', q.base .. id, 'errorAt') ~= failedAt
end

-- Takes an item that a person may deal with (failed, or waiting for its next try) from where it sits,
-- also from the worker that asks whether its far side is back: without the lock, that changes nothing.
local function pick(q, id)
  local sat = rcall('ZREM', q.failed, id) + rcall('ZREM', q.delayed, id)
  rcall('ZREM', shard.failed, id)
  if rcall('LREM', q.active, -1, id) == 1 then
    unask(q, id)
    rcall('DEL', q.base .. id .. ':lock')
    rcall('SREM', q.stalled, id)
    rcall('ZREM', shard.inflight, q.name .. ' ' .. id)
    return
  end
  if sat == 0 then rcall('LREM', q.wait, -1, id) end
end
