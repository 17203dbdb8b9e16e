--@include settled

-- Takes an active item from the delivery that holds it, which must still own the lock.
-- Returns 0, or -2 (lock lost) or -3 (not active) with nothing changed.
local function letGo(q, id, token)
  local lock = q.base .. id .. ':lock'
  if rcall('GET', lock) ~= token then return -2 end
  if rcall('LREM', q.active, -1, id) == 0 then return -3 end
  rcall('DEL', lock)
  rcall('SREM', q.stalled, id)
  rcall('ZREM', shard.inflight, q.name .. ' ' .. id)
  rcall('HSET', q.base .. id, 'settledBy', token)
  return 0
end

-- Back to the head: the right end of `wait` is what runs next. A plain producer may push another one behind that
-- end (`lifo`), so that it goes first is also written down until it is taken or dealt with (`take`, `aside`).
local function toHead(q, id)
  rcall('RPUSH', q.wait, id)
  if q.blocking then rcall('HSET', q.facts, 'first', id) end
  rcall('XADD', q.events, 'MAXLEN', '~', 100, '*', 'event', 'waiting', 'jobId', id, 'prev', 'active')
end
