--@include attempt
--@include finish

-- The item fails and, on a blocking queue, stops everything behind it: one step, no instant between.
-- failure: JSON of {message, cause, status?}; delivered: by an attempt that is now over.
-- Returns as `finish` does.
local function block(q, id, token, failure, delivered)
  local told = cjson.decode(failure) -- before the first write: it may be refused
  local message = told.message
  notice(q)
  local code = finish(q, id, token, 'failed', 'failedReason', message,
    { 'error', failure, 'errorAt', tostring(now) })
  if code ~= 0 then return code end
  endHold(q, id)
  rcall('ZADD', shard.failed, now, id)
  if q.blocking then
    rcall('HSET', q.facts, 'blockedBy', id, 'blockedAt', now)
    mirror(q)
  end
  record(q.blocking and 'block' or 'fail', q, id, 'the fleet',
    delivered and attempt(q, id, token, told) or { reason = message, cause = told.cause })
  return 0
end
