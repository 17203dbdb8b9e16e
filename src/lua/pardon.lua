-- A worker that lost a lock and lives to tell: the item did not kill it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id
local q, id = line(ARGV[1]), ARGV[2]
local deaths = tonumber(rcall('HGET', q.base .. id, 'deaths') or 0)
if deaths > 0 then rcall('HINCRBY', q.base .. id, 'deaths', -1) end
return deaths
