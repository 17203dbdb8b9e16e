-- A worker that lost a lock and lives to tell: the item did not kill it. Whichever comes first, this
-- or the tender, the item is back at the head and no death is counted.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id
-- Returns 1 when it put the item back.
--@include facts
--@include record
--@include letgo
--@include ask

local q, id = line(ARGV[1]), ARGV[2]
if rcall('LPOS', q.active, id) and rcall('EXISTS', q.base .. id .. ':lock') == 0 then
  rcall('LREM', q.active, -1, id)
  rcall('SREM', q.stalled, id)
  rcall('ZREM', shard.inflight, q.name .. ' ' .. id)
  unask(q, id)
  toHead(q, id)
  event('give-back', q, id)
  wake(q)
  return 1
end
local deaths = tonumber(rcall('HGET', q.base .. id, 'deaths') or 0)
if deaths > 0 then rcall('HINCRBY', q.base .. id, 'deaths', -1) end
return 0
