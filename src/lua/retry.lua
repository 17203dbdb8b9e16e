-- A person has the item run again: it goes to the head, with a fresh set of automatic tries.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] actor
--   ARGV[4] only while it stands with its failure of then, ms since 1970; '' for whichever
-- Returns {'ok'}, or {'anew'} (it failed again since) or {present state} with nothing changed.
--@include facts
--@include record
--@include letgo
--@include state

local q, id = line(ARGV[1]), ARGV[2]
local state = stateOf(q, id)
if state ~= 'failed' and state ~= 'backing-off' then return { state } end
if isAnother(q, id, ARGV[4]) then return { 'anew' } end
pick(q, id)
rcall('HDEL', q.base .. id, 'failedReason', 'stacktrace', 'finishedOn', 'processedOn')
rcall('HSET', q.base .. id, 'tries', 0, 'deaths', 0, 'delay', 0)
-- Told that nobody knows whether it was carried out, a person has it sent all the same.
if state == 'failed' and rcall('HEXISTS', q.base .. id, 'begun') == 1 then
  rcall('HSET', q.base .. id, 'begun', 'retried')
end
endHold(q, id)
toHead(q, id)
lift(q, id)
record('retry', q, id, ARGV[3])
wake(q)
return { 'ok' }
