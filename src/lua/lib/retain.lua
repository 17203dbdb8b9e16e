--@include index

-- Forgets the oldest completed items of a queue beyond `keep`. Nothing else is ever removed: not what
-- failed or waits, nor what a person skipped or resolved.
local function forget(q, id)
  -- Run again with plain BullMQ meanwhile: it comes back here when it is done, or it is one of those.
  if not rcall('ZSCORE', q.completed, id) or rcall('HGET', q.base .. id, 'outcome') ~= 'completed' then return end
  local f = rcall('HMGET', q.base .. id, 'entity', 'finishedOn')
  -- Whoever asks what has run since then (undo) is told that something may be missing.
  rcall('HSET', q.facts, 'forgotten', f[2] or now)
  unindex(f[1], id)
  rcall('ZREM', q.completed, id)
  rcall('HDEL', shard.items, id)
  rcall('DEL', q.base .. id, q.base .. id .. ':logs')
end

-- Keeps the newly completed item in mind; at most two go for one that comes.
local function retain(q, id, keep)
  local excess = rcall('LPUSH', doneKey(q.name), id) - keep
  for _ = 1, math.min(excess, 2) do forget(q, rcall('RPOP', doneKey(q.name))) end
end
