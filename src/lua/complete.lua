-- A delivery succeeded. In the same step the worker may take the next item of the queue.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token   ARGV[4] result JSON
--   ARGV[5] '1' to take the next item  ARGV[6] lock duration in ms   ARGV[7] worker name
--   ARGV[8] completed items to keep
-- Returns {0, next item or nothing}, {1} when it was recorded before, or {negative code} with nothing changed.
--@include facts
--@include record
--@include finish
--@include take
--@include retain

local q, id = line(ARGV[1]), ARGV[2]
local code = finish(q, id, ARGV[3], 'completed', 'returnvalue', ARGV[4], { 'outcome', 'completed' })
if code ~= 0 then return refusal(q, id, ARGV[3], code) end
event('complete', q, id)
retain(q, id, tonumber(ARGV[8]))
local following = ARGV[5] == '1' and take(q, ARGV[3], tonumber(ARGV[6]), ARGV[7]) or nil
if not following then wake(q) end
return { 0, following }
