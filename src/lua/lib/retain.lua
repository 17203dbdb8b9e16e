--@include index

-- Forgets an item that was dealt with, and every index of it. Never one that failed or waits: where it sits is
-- asked here, not by the callers. outcome: false for what a worker of plain BullMQ has completed.
-- Returns 1, or 0 with nothing changed.
local function forget(q, id, outcome)
  local f = rcall('HMGET', q.base .. id, 'outcome', 'entity', 'finishedOn')
  -- Run again with plain BullMQ meanwhile, or taken back: it comes back here when it is done.
  if f[1] ~= outcome or not rcall('ZSCORE', q.completed, id) then return 0 end
  if outcome ~= 'skipped' then
    -- Whoever asks what has run since then (undo) is told that something may be missing.
    local at, before = tonumber(f[3] or now), tonumber(rcall('HGET', q.facts, 'forgotten') or 0)
    if at > before then rcall('HSET', q.facts, 'forgotten', string.format('%.0f', at)) end
  end
  if outcome and outcome ~= 'completed' then
    rcall('ZREM', shard[outcome], id)
    rcall('HINCRBY', q.facts, outcome, -1)
  end
  unindex(f[2], id)
  rcall('ZREM', q.completed, id)
  strikeOff(id)
  rcall('UNLINK', q.base .. id, q.base .. id .. ':logs')
  return 1
end

-- Keeps the newly completed item in mind; at most two go for one that comes.
local function retain(q, id, keep)
  local excess = rcall('LPUSH', doneKey(q.name), id) - keep
  for _ = 1, math.min(excess, 2) do forget(q, rcall('RPOP', doneKey(q.name)), 'completed') end
end
