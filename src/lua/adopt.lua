-- An item that a plain BullMQ producer added gets what the enqueue would have given it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] title   ARGV[4] entity ('kind:key' or '')
--   ARGV[5] barrier   ARGV[6] channel   ARGV[7] source   ARGV[8] client
--@include tally
--@include index

local q, id = line(ARGV[1]), ARGV[2]
if rcall('EXISTS', q.base .. id) == 0 then return 0 end
if rcall('HEXISTS', q.base .. id, 'entity') == 0 then tally(q, ARGV[4], 1) end
rcall('HSET', q.base .. id, 'title', ARGV[3], 'entity', ARGV[4], 'barrier', ARGV[5],
  'channel', ARGV[6], 'source', ARGV[7], 'client', ARGV[8])
enroll(q, id)
index(ARGV[4], id)
return 1
