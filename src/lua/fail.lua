-- A delivery failed for good: the item fails and, on a blocking queue, blocks it, in one step.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token   ARGV[4] failure JSON {message, cause, status?}
--   ARGV[5] '1' to take the next item (parallel queue only)  ARGV[6] lock duration in ms   ARGV[7] worker name
--   ARGV[8] '0': whether an attempt at it was carried out, nobody knows
-- Returns {0, next item or nothing}, {1} when it was recorded before, or {negative code} with nothing changed.
--@include facts
--@include record
--@include block
--@include take

local q = line(ARGV[1])
local code = block(q, ARGV[2], ARGV[3], ARGV[4], true)
if code ~= 0 then return refusal(q, ARGV[2], ARGV[3], code, tonumber(ARGV[6])) end
if ARGV[8] == '1' then rcall('HDEL', q.base .. ARGV[2], 'begun', 'changed') end
local following = ARGV[5] == '1' and take(q, ARGV[3], tonumber(ARGV[6]), ARGV[7]) or nil
if not following then wake(q) end
return { 0, following }
