-- Sets an item aside among the finished ones, as 'skipped' or 'resolved', with who, when and why.
-- details: JSON. The caller has taken it from where it sat.
local function aside(q, id, outcome, details)
  endHold(q, id)
  rcall('ZADD', q.completed, now, id)
  rcall('HDEL', q.base .. id, 'failedReason', 'stacktrace')
  rcall('HSET', q.base .. id, 'outcome', outcome, 'outcomeDetails', details, 'returnvalue', details, 'finishedOn', now)
  rcall('ZADD', shard[outcome], now, id)
  rcall('HINCRBY', q.facts, outcome, 1)
end
