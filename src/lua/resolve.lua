-- A person put the matter right by hand: the item counts as dealt with, under a reference.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] actor   ARGV[4] reason   ARGV[5] reference
-- Returns {'ok'}, or {present state} with nothing changed.
--@include facts
--@include record
--@include state
--@include aside

local q, id = line(ARGV[1]), ARGV[2]
local state = stateOf(q, id)
if state == 'removed' then
  rcall('ZREM', shard.failed, id)
  lift(q, id)
  record('resolve', q, id, ARGV[3], { reason = ARGV[4], reference = ARGV[5] })
  wake(q)
  return { 'ok' }
end
if state ~= 'failed' and state ~= 'backing-off' then return { state } end
pick(q, id)
aside(q, id, 'resolved', cjson.encode({ at = now, actor = ARGV[3], reason = ARGV[4], reference = ARGV[5] }))
lift(q, id)
record('resolve', q, id, ARGV[3], { reason = ARGV[4], reference = ARGV[5] })
wake(q)
return { 'ok' }
