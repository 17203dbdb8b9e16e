-- Items that were caused here are in the queues of another shard: off the outbox with them.
--   KEYS[1] shard prefix
--   ARGV[1] index of that shard   ARGV[2] elements an item has in the outbox
--   then per item: queue id of the item that caused it, and its number among those
-- Returns how many are left.
local box, FIELDS, there = outboxKey(ARGV[1]), tonumber(ARGV[2]), {}
for n = 3, #ARGV, 2 do there[ARGV[n] .. ' ' .. ARGV[n + 1]] = true end
-- Another worker may have done the same: only what stands at the head and was moved goes.
while true do
  local cause, n = rcall('LINDEX', box, FIELDS - 2), rcall('LINDEX', box, FIELDS - 1)
  if not cause or not there[cause .. ' ' .. n] then break end
  rcall('LTRIM', box, FIELDS, -1)
end
return rcall('LLEN', box) / FIELDS
