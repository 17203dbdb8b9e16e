-- Items of a queue that were completed in a span of time. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] after, ms   ARGV[3] how many at most   then the instructions that matter
-- Returns {up to when it looked, queue ids ...}. The last second is left for later, so that nothing is
-- completed in a millisecond that was looked at before.
local q, limit = line(ARGV[1]), tonumber(ARGV[3])
local wanted = {}
for n = 4, #ARGV do wanted[ARGV[n]] = true end
local upto = now - 1000
local ids = rcall('ZRANGEBYSCORE', q.completed, '(' .. ARGV[2], upto, 'LIMIT', 0, limit)
-- Not all fitted: what is as old as the last one comes whole, now or next time.
if #ids == limit then
  upto = tonumber(rcall('ZSCORE', q.completed, ids[limit]))
  ids = rcall('ZRANGEBYSCORE', q.completed, '(' .. ARGV[2], upto)
end
local found = { string.format('%.0f', upto) }
for _, id in ipairs(ids) do
  local item = rcall('HMGET', q.base .. id, 'name', 'outcome')
  if wanted[item[1]] and item[2] ~= 'skipped' and item[2] ~= 'resolved' then found[#found + 1] = id end
end
return found
