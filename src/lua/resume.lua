-- A person lets a paused queue run again. It never lifts a block.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] actor
-- Returns {'ok'}, {'running'} when it was not paused, or {'blocked', queue id} when only a block stands.
--@include facts
--@include record

local q = line(ARGV[1])
notice(q)
local f = rcall('HMGET', q.facts, 'pausedAt', 'blockedBy')
if not f[1] then
  if f[2] then return { 'blocked', f[2] } end
  return { 'running' }
end
rcall('HDEL', q.facts, 'pausedAt', 'pausedBy', 'pauseReason')
mirror(q)
record('resume', q, '', ARGV[2])
wake(q)
return { 'ok' }
