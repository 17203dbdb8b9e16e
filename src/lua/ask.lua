-- A worker is about to ask whether the far side of an item on hold is back, or has its answer.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token   ARGV[4] '1' before it asks, '0' before it delivers
-- Returns 1, or 0 when the lock is lost: then a person, or another worker, has the item.
local q, id, token = line(ARGV[1]), ARGV[2], ARGV[3]
local item = q.base .. id
if rcall('GET', item .. ':lock') ~= token then return 0 end
if ARGV[4] == '1' then rcall('HSET', item, 'asking', token) else rcall('HDEL', item, 'asking') end
return 1
