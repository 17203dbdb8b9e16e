-- A person changes the data of an item that has not run or has failed; the old data stays in its history.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] actor   ARGV[4] data JSON
--   ARGV[5] title   ARGV[6] entity ('kind:key' or '')   ARGV[7] SHA-1 of the data that it changes
--   ARGV[8] JSON of what the audit keeps of the change
-- Returns {'ok'}, or {'changed'} when the data are others by now, or {present state} with nothing changed.
--@include record
--@include state
--@include tally
--@include index

local q, id = line(ARGV[1]), ARGV[2]
local state = stateOf(q, id)
if isAsked(q, id) then return { 'active' } end -- the worker would send what it has in hand
if state ~= 'failed' and state ~= 'backing-off' and state ~= 'waiting' then return { state } end
local before = rcall('HMGET', q.base .. id, 'data', 'entity')
local data = before[1]
if redis.sha1hex(data) ~= ARGV[7] then return { 'changed' } end
record('edit', q, id, ARGV[3],
  { before = #data <= 65536 and data or cjson.encode('(' .. #data .. ' bytes, too large to keep)') }, ARGV[8])
rcall('HSET', q.base .. id, 'data', ARGV[4], 'title', ARGV[5], 'entity', ARGV[6])
-- An attempt with the old data may have arrived: found there, it is not what the item says now.
if rcall('HEXISTS', q.base .. id, 'begun') == 1 then rcall('HSET', q.base .. id, 'changed', '1') end
if before[2] ~= ARGV[6] then
  unindex(before[2], id)
  index(ARGV[6], id)
  tally(q, before[2], -1)
  tally(q, ARGV[6], 1)
end
return { 'ok' }
