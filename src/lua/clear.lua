-- A person skips what waits in a queue, from the head, a portion a call. A failed head stays failed.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] actor   ARGV[3] reason   ARGV[4] how many at most
--   ARGV[5] the last one that is to go, as the first portion told it; '' for the first portion
-- Returns {number skipped, the last one that is to go or ''}.
--@include facts
--@include record
--@include aside

local q, skipped = line(ARGV[1]), 0
local f = rcall('HMGET', q.facts, 'heldBy', 'blockedBy')
local held, blocker = f[1], f[2]
-- A failed head that plain BullMQ put back into the queue is no waiting item.
local stays = blocker and rcall('LREM', q.wait, -1, blocker) == 1
-- What came since the first portion stays, however much of what waited then has run meanwhile.
local last = ARGV[5] ~= '' and ARGV[5] or rcall('LINDEX', q.wait, 0) or ''
local newer = rcall('LPOS', q.wait, last)
local most = newer and rcall('LLEN', q.wait) - newer or 0
for _ = 1, math.min(tonumber(ARGV[4]), most) do
  local id = rcall('RPOP', q.wait)
  if not id then break end
  aside(q, id, 'skipped', cjson.encode({ at = now, actor = ARGV[2], reason = ARGV[3], scope = 'queue' }))
  record('skip', q, id, ARGV[2], { reason = ARGV[3], scope = 'queue' })
  if id == held then lift(q, id) end
  skipped = skipped + 1
end
if stays then rcall('RPUSH', q.wait, blocker) end
wake(q)
return { skipped, last }
