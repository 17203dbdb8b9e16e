-- A worker that stops hands an unfinished item back: it is the head again, and no death is counted.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token
-- Returns {0}, {1} when it was recorded before, or {negative code} with nothing changed.
--@include facts
--@include record
--@include letgo
--@include ask

local q, id = line(ARGV[1]), ARGV[2]
local code = letGo(q, id, ARGV[3])
if code ~= 0 then return refusal(q, id, ARGV[3], code) end
unask(q, id)
toHead(q, id)
event('give-back', q, id)
wake(q)
return { 0 }
