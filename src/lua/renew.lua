-- Keeps the locks of running deliveries.
--   KEYS[1] shard prefix
--   ARGV[1] lock duration in ms   then per delivery: queue, queue id, lock token
-- Returns the indexes (from 0) of the deliveries that no longer own their lock.
local lockMs = tonumber(ARGV[1])
local lost = {}
for n = 0, (#ARGV - 1) / 3 - 1 do
  local q, id, token = line(ARGV[2 + n * 3]), ARGV[3 + n * 3], ARGV[4 + n * 3]
  if rcall('GET', q.base .. id .. ':lock') == token then
    rcall('PEXPIRE', q.base .. id .. ':lock', lockMs)
    rcall('SREM', q.stalled, id)
    rcall('ZADD', shard.inflight, now + lockMs, q.name .. ' ' .. id)
  else
    lost[#lost + 1] = n
  end
end
return lost
