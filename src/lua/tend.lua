-- What time brings: holds that are over, and deliveries whose worker is gone.
--   KEYS[1] shard prefix
--   ARGV[1] deaths after which an item fails
-- Returns {holds released, items recovered, items failed}.
--@include facts
--@include record
--@include block
--@include letgo
--@include ask

local released, recovered, failed = 0, 0, 0

for _, name in ipairs(rcall('ZRANGEBYSCORE', shard.holds, '-inf', now, 'LIMIT', 0, 500)) do
  local q = line(name)
  rcall('ZREM', shard.holds, name)
  if q.blocking then
    local head = rcall('HGET', q.facts, 'heldBy') or ''
    -- A plain producer may have pushed an item before it (`lifo`), a person may have retried another; what held the
    -- queue goes first.
    if head ~= '' then rcall('HSET', q.facts, 'first', head) end
    lift(q, head)
  else
    local following = rcall('ZRANGEBYSCORE', q.delayed, now * 4096 + 4096, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if following[2] then rcall('ZADD', shard.holds, math.ceil(tonumber(following[2]) / 4096), name) end
  end
  released = released + 1
  wake(q)
end

-- An item whose worker died goes back to the head; one that keeps killing its workers fails.
local function recover(q, id)
  local deaths = unask(q, id) and 0 or rcall('HINCRBY', q.base .. id, 'deaths', 1)
  if deaths >= tonumber(ARGV[1]) then
    failed = failed + 1
    return block(q, id, '0', cjson.encode({
      cause = 'bug',
      message = 'the worker died or hung ' .. deaths .. ' times while this item ran: it may be what kills it',
    }))
  end
  rcall('LREM', q.active, -1, id)
  rcall('SREM', q.stalled, id)
  toHead(q, id)
  event('recover', q, id)
  recovered = recovered + 1
end

for _, member in ipairs(rcall('ZRANGEBYSCORE', shard.inflight, '-inf', now, 'LIMIT', 0, 200)) do
  local name, id = member:match('^(%S+) (.+)$')
  local q = line(name)
  local left = rcall('PTTL', q.base .. id .. ':lock')
  if left > 0 then
    rcall('ZADD', shard.inflight, now + left, member)
  else
    rcall('ZREM', shard.inflight, member)
    if rcall('LPOS', q.active, id) then recover(q, id) end
    wake(q)
  end
end
return { released, recovered, failed }
