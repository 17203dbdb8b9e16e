-- Puts right what is known of a queue beside its items: whether it stands in the index of those that do, and
-- how many items of each kind nobody has dealt with. For migrations, as long queues take their time.
--   KEYS[1] shard prefix
--   ARGV[1] queue
--@include facts
--@include tally

local q = line(ARGV[1])
if rcall('EXISTS', q.meta, q.facts) == 0 then return 0 end
notice(q)
mirror(q)
tallyAnew(q, math.huge)
return 1
