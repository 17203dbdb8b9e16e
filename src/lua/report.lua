-- What an attempt says of itself while it runs: what became of one part, or how far it is.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token
--   ARGV[4] 'part:<kind>:<key>' or 'progress'   ARGV[5] JSON   ARGV[6] parts an item may have
-- Returns 1, 0 when the lock is lost, or -1 when there are too many parts, with nothing changed.
local q = line(ARGV[1])
local item, field = q.base .. ARGV[2], ARGV[4]
if rcall('GET', item .. ':lock') ~= ARGV[3] then return 0 end
if field == 'progress' then -- as BullMQ keeps it, so that its dashboards show it
  rcall('HSET', item, 'progress', ARGV[5])
  rcall('XADD', q.events, 'MAXLEN', '~', 100, '*', 'event', 'progress', 'jobId', ARGV[2], 'data', ARGV[5])
  return 1
end
local known = rcall('HGET', item, field)
local n = known and known:match('^%d+') or tonumber(rcall('HGET', item, 'parts') or 0) + 1
if not known then
  if n > tonumber(ARGV[6]) then return -1 end
  rcall('HSET', item, 'parts', n)
end
rcall('HSET', item, field, n .. ' ' .. ARGV[5])
return 1
