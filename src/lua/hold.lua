-- The head is to wait: for its next automatic try ('back-off'), for the far side ('hold') or for room in
-- its rate limit ('rate').
-- A blocking queue waits with it, so nothing overtakes; on the parallel queue only the item waits.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token   ARGV[4] failure JSON
--   ARGV[5] '1' to take the next item (parallel queue only)  ARGV[6] lock duration in ms   ARGV[7] worker name
--   ARGV[8] wait in ms   ARGV[9] 'back-off', 'hold' or 'rate'
--   ARGV[10] '1' when it was delivered, 'unknown' when nobody knows whether it was carried out, '0' when
--            the far side saw nothing of it: no attempt is counted
--   ARGV[11] how often in succession the far side answered a ping and the item failed all the same
-- Returns {0, next item or nothing}, {1} when it was recorded before, or {negative code} with nothing changed.
--@include facts
--@include record
--@include attempt
--@include letgo
--@include take

local q, id, wait, kind, delivered = line(ARGV[1]), ARGV[2], tonumber(ARGV[8]), ARGV[9], ARGV[10] ~= '0'
local failure = cjson.decode(ARGV[4]) -- before the first write: it may be refused
notice(q)
local code = letGo(q, id, ARGV[3])
if code ~= 0 then return refusal(q, id, ARGV[3], code, tonumber(ARGV[6])) end
local item, till = q.base .. id, now + wait

if delivered then
  local told = attempt(q, id, ARGV[3], failure)
  told.at, told.actor, told.action = now, 'the fleet', kind
  remember(q, id, cjson.encode(told))
  rcall('HSET', item, 'error', ARGV[4], 'errorAt', now)
  if ARGV[10] == '1' then rcall('HDEL', item, 'begun', 'changed') end
else
  rcall('HINCRBY', item, 'ats', -1)
  rcall('HDEL', item, 'asking')
end
-- Waiting for room says nothing about whether the item kills its workers; any other way it did not.
if kind ~= 'rate' then rcall('HSET', item, 'deaths', 0) end
if kind == 'back-off' then rcall('HINCRBY', item, 'tries', 1) end
if kind == 'rate' then rcall('HSET', item, 'rated', 1) end
if kind == 'hold' then
  rcall('HSETNX', item, 'heldSince', now)
  rcall('HINCRBY', item, 'heldTimes', 1)
  rcall('HSET', item, 'heldWhy', ARGV[4], 'answered', ARGV[11])
  rcall('ZADD', shard.held, 'NX', now, q.name .. ' ' .. id)
end

if q.blocking then
  toHead(q, id)
  rcall('HSET', q.facts, 'heldUntil', till, 'heldAt', now, 'heldBy', id, 'heldKind', kind,
    'heldReason', failure.message, 'heldCause', failure.cause)
  rcall('ZADD', shard.holds, till, q.name)
  mirror(q)
else
  rcall('ZADD', q.delayed, till * 4096, id)
  rcall('HSET', item, 'delay', wait)
  rcall('ZADD', shard.holds, 'LT', till, q.name)
end
if kind ~= 'rate' then event(kind, q, id) end
local following = ARGV[5] == '1' and take(q, ARGV[3], tonumber(ARGV[6]), ARGV[7]) or nil
if not following then wake(q) end
return { 0, following }
