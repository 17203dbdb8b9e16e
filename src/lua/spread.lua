-- Moves BullMQ's own counter of a queue to a range of its own, so that the ids which plain producers
-- get are unique over the whole system and never meet ours.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] first id of its range
local q, first = line(ARGV[1]), tonumber(ARGV[2])
local counter = tonumber(rcall('GET', q.id) or 0)
if counter < first then rcall('SET', q.id, string.format('%.0f', first + counter)) end
return 1
