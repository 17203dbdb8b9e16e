-- A delivery succeeded. In the same step the worker may take the next item of the queue.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] lock token   ARGV[4] result JSON
--   ARGV[5] '1' to take the next item  ARGV[6] lock duration in ms   ARGV[7] worker name
--   ARGV[8] completed items to keep   ARGV[9] '1' when it was found done and not sent again
--   ARGV[10] what was asked of the far side, in a few words, or ''
--   then per item that it causes: index of the shard of its queue, and what the outbox keeps but the last
--   two: queue, instruction, data JSON, title, entity, barrier, channel, source, client
-- Returns {0, next item or nothing}, {1} when it was recorded before, or {negative code} with nothing changed.
--@include facts
--@include record
--@include finish
--@include take
--@include retain
--@include tally

-- What it causes is written down with its success, so that neither is ever without the other.
local function post(id)
  local FIELDS = 10
  local count = (#ARGV - 10) / FIELDS
  for n = 1, count do
    local at = 10 + (n - 1) * FIELDS
    rcall('RPUSH', outboxKey(ARGV[at + 1]), unpack(ARGV, at + 2, at + FIELDS))
    rcall('RPUSH', outboxKey(ARGV[at + 1]), id, n)
  end
  if count > 0 then rcall('HSET', line(ARGV[1]).base .. id, 'caused', count) end
end

local q, id = line(ARGV[1]), ARGV[2]
local code = finish(q, id, ARGV[3], 'completed', 'returnvalue', ARGV[4],
  { 'outcome', 'completed', 'request', ARGV[10] })
if code ~= 0 then return refusal(q, id, ARGV[3], code, tonumber(ARGV[6])) end
tally(q, rcall('HGET', q.base .. id, 'entity'), -1)
event('complete', q, id)
if ARGV[9] == '1' then record('found', q, id, 'the fleet', { reason = 'it was there: an earlier attempt had carried it out' }) end
post(id)
retain(q, id, tonumber(ARGV[8]))
local following = ARGV[5] == '1' and take(q, ARGV[3], tonumber(ARGV[6]), ARGV[7]) or nil
if not following then wake(q) end
return { 0, following }
