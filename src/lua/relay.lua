-- Items that others have caused go from the shard's outbox into their queues, in the order in which those
-- were done. Into the queue and out of the outbox is one step: whoever dies, or does the same beside it.
--   KEYS[1] shard prefix
--   ARGV[1] how many at most   ARGV[2] elements an item has in the outbox
--   ARGV[3] id of the master's replication
-- Returns how many are left in the outbox.
--@include facts
--@include record
--@include accept

skipLost(ARGV[3])
local box, FIELDS = outboxKey(INDEX), tonumber(ARGV[2])
local list = rcall('LRANGE', box, 0, tonumber(ARGV[1]) * FIELDS - 1)
for at = 0, #list - FIELDS, FIELDS do
  accept({ unpack(list, at + 1, at + 10) })
end
if #list > 0 then rcall('LTRIM', box, #list, -1) end
wakeAll()
return rcall('LLEN', box) / FIELDS
