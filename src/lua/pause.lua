-- A person stops a queue. The item that runs now is finished; a block stays what it is.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] actor   ARGV[3] reason
-- Returns {'ok'}, or {'paused'} when it was.
--@include facts
--@include record

local q = line(ARGV[1])
if rcall('HEXISTS', q.facts, 'pausedAt') == 1 then return { 'paused' } end
rcall('HSET', q.facts, 'pausedAt', now, 'pausedBy', ARGV[2], 'pauseReason', ARGV[3])
mirror(q)
record('pause', q, '', ARGV[2], { reason = ARGV[3] })
return { 'ok' }
