-- The head is to wait: for its next automatic try ('back-off') or for the far side ('hold').
-- A blocking queue waits with it, so nothing overtakes; on the parallel queue only the item waits.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token   ARGV[4] failure JSON
--   ARGV[5] '1' to take the next item (parallel queue only)  ARGV[6] lock duration in ms   ARGV[7] worker name
--   ARGV[8] wait in ms   ARGV[9] 'back-off' or 'hold'
-- Returns {0, next item or nothing}, {1} when it was recorded before, or {negative code} with nothing changed.
--@include facts
--@include record
--@include letgo
--@include take

local q, id, wait, kind = line(ARGV[1]), ARGV[2], tonumber(ARGV[8]), ARGV[9]
local failure = cjson.decode(ARGV[4]) -- before the first write: it may be refused
notice(q)
local code = letGo(q, id, ARGV[3])
if code ~= 0 then return refusal(q, id, ARGV[3], code) end
local till = now + wait
rcall('HSET', q.base .. id, 'error', ARGV[4], 'errorAt', now, 'deaths', 0)
if kind == 'back-off' then rcall('HINCRBY', q.base .. id, 'tries', 1) end
if q.blocking then
  toHead(q, id)
  rcall('HSET', q.facts, 'heldUntil', till, 'heldBy', id, 'heldKind', kind,
    'heldReason', failure.message)
  rcall('ZADD', shard.holds, till, q.name)
  mirror(q)
else
  rcall('ZADD', q.delayed, till * 4096, id)
  rcall('HSET', q.base .. id, 'delay', wait)
  rcall('ZADD', shard.holds, 'LT', till, q.name)
end
event(kind, q, id)
local following = ARGV[5] == '1' and take(q, ARGV[3], tonumber(ARGV[6]), ARGV[7]) or nil
if not following then wake(q) end
return { 0, following }
