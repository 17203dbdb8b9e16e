-- A person skips what waits in a queue, from the head, a portion a call. A failed head stays failed.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] actor   ARGV[3] reason   ARGV[4] how many at most
-- Returns the number skipped.
--@include facts
--@include record
--@include aside

local q, skipped = line(ARGV[1]), 0
local f = rcall('HMGET', q.facts, 'heldBy', 'blockedBy')
local held, blocker = f[1], f[2]
-- A failed head that plain BullMQ put back into the queue is no waiting item.
local stays = blocker and rcall('LREM', q.wait, -1, blocker) == 1
for _ = 1, tonumber(ARGV[4]) do
  local id = rcall('RPOP', q.wait)
  if not id then break end
  aside(q, id, 'skipped', cjson.encode({ at = now, actor = ARGV[2], reason = ARGV[3], scope = 'queue' }))
  record('skip', q, id, ARGV[2], { reason = ARGV[3], scope = 'queue' })
  if id == held then lift(q, id) end
  skipped = skipped + 1
end
if stays then rcall('RPUSH', q.wait, blocker) end
wake(q)
return skipped
