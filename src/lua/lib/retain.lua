-- Forgets the oldest finished items of a queue beyond `keep`, a few at a time.
-- Only `completed` is touched: failed and waiting items are never removed.
local function retain(q, keep)
  local excess = rcall('ZCARD', q.completed) - keep
  if excess <= 0 then return end
  for _, id in ipairs(rcall('ZRANGE', q.completed, 0, math.min(excess, 20) - 1)) do
    local entity = rcall('HGET', q.base .. id, 'entity')
    if entity then rcall('ZREM', entityKey(entity), id) end
    for _, outcome in ipairs({ 'skipped', 'resolved' }) do
      if rcall('ZREM', shard[outcome], id) == 1 then rcall('HINCRBY', q.facts, outcome, -1) end
    end
    rcall('ZREM', q.completed, id)
    rcall('HDEL', shard.items, id)
    rcall('DEL', q.base .. id, q.base .. id .. ':logs')
  end
end
