-- An item is about to be sent that must not be sent twice. The mark goes when it is known what became of it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token
-- Returns 1, or 0 when the lock is lost, with nothing changed.
local item = line(ARGV[1]).base .. ARGV[2]
if rcall('GET', item .. ':lock') ~= ARGV[3] then return 0 end
rcall('HSET', item, 'begun', 'yes')
rcall('HDEL', item, 'changed')
return 1
