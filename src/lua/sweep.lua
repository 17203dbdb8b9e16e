-- Puts right what nobody announced: queues filled by plain BullMQ producers, items taken by stock
-- workers, switches that were turned from outside.
--   KEYS[1] shard prefix
--   ARGV[1] lock duration in ms   then the names of queues
-- Returns how many queues were found with work that no worker knew of.
--@include facts

local found = 0
for n = 2, #ARGV do
  local q = line(ARGV[n])
  notice(q)
  local f = rcall('HMGET', q.facts, 'blockedBy', 'pausedAt', 'heldUntil')
  if f[1] or f[2] or f[3] then
    mirror(q)
    if f[3] and q.blocking then rcall('ZADD', shard.holds, 'NX', f[3], q.name) end
  end
  for _, id in ipairs(rcall('LRANGE', q.active, 0, -1)) do
    rcall('ZADD', shard.inflight, 'NX', now + tonumber(ARGV[1]), q.name .. ' ' .. id)
  end
  found = found + wake(q)
end
return found
