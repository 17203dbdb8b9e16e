-- A channel or source was deleted, or comes new under an id that one had before: it starts without the rules and the
-- pause of then. A block stays, whatever became of its endpoint.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] '1' when it was deleted: then a pause by a BullMQ client goes too
--@include facts

local q, gone = line(ARGV[1]), ARGV[2] == '1'
rcall('DEL', rulesKey(q.name))
local f = rcall('HMGET', q.facts, 'pausedAt', 'pausedBy')
if gone or (f[1] and f[2] ~= STRANGER) then
  rcall('HDEL', q.facts, 'pausedAt', 'pausedBy', 'pauseReason')
  mirror(q)
end
return 1
