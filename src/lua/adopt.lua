-- An item that a plain BullMQ producer added gets what the enqueue would have given it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] title   ARGV[4] entity ('kind:key' or '')
--   ARGV[5] barrier   ARGV[6] channel   ARGV[7] source   ARGV[8] client
--@include tally
--@include index

local q, id = line(ARGV[1]), ARGV[2]
-- Once: a worker that comes late with what it knew undoes no edit.
if rcall('EXISTS', q.base .. id) == 0 or rcall('HEXISTS', q.base .. id, 'title') == 1 then return 0 end
tally(q, ARGV[4], 1)
rcall('HSET', q.base .. id, 'title', ARGV[3], 'entity', ARGV[4], 'barrier', ARGV[5],
  'channel', ARGV[6], 'source', ARGV[7], 'client', ARGV[8])
enroll(q, id)
index(ARGV[4], id)
return 1
