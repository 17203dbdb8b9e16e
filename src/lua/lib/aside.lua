--@include tally

-- Sets an item aside among the finished ones, as 'skipped' or 'resolved', with who, when and why.
-- details: JSON. The caller has taken it from where it sat.
local function aside(q, id, outcome, details)
  endHold(q, id)
  if rcall('HGET', q.facts, 'first') == id then rcall('HDEL', q.facts, 'first') end
  tally(q, rcall('HGET', q.base .. id, 'entity'), -1)
  rcall('ZADD', q.completed, now, id)
  rcall('HDEL', q.base .. id, 'failedReason', 'stacktrace')
  rcall('HSET', q.base .. id, 'outcome', outcome, 'outcomeDetails', details, 'returnvalue', details, 'finishedOn', now)
  rcall('ZADD', shard[outcome], now, id)
  rcall('HINCRBY', q.facts, outcome, 1)
end
