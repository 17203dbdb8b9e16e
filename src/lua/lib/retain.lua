-- Forgets the oldest completed items of a queue beyond `keep`. Nothing else is ever removed: not what
-- failed or waits, nor what a person skipped or resolved.
local function forget(q, id)
  local entity = rcall('HGET', q.base .. id, 'entity')
  if entity and entity ~= '' then rcall('ZREM', entityKey(entity), id) end
  rcall('ZREM', q.completed, id)
  rcall('HDEL', shard.items, id)
  rcall('DEL', q.base .. id, q.base .. id .. ':logs')
end

-- Keeps the newly completed item in mind; at most two go for one that comes.
local function retain(q, id, keep)
  local excess = rcall('LPUSH', doneKey(q.name), id) - keep
  for _ = 1, math.min(excess, 2) do forget(q, rcall('RPOP', doneKey(q.name))) end
end
