-- How many items of each kind of entity a queue has that nobody has dealt with: waiting, active, on hold or
-- failed. Counted as they come and go (facts `open:<kind>`, 'open:' for items that concern no entity), so
-- that nobody need walk a queue to say what waits in it. Items of plain BullMQ producers count once adopted.
local function kindOf(entity) return entity:match('^([^:]+):') or '' end

local function tallyKind(q, kind, by)
  local field = 'open:' .. kind
  if rcall('HINCRBY', q.facts, field, by) == 0 then rcall('HDEL', q.facts, field) end
end

local function tally(q, entity, by)
  if entity then tallyKind(q, kindOf(entity), by) end
end

local function tallied(q)
  local sum, fields, facts = 0, {}, rcall('HGETALL', q.facts)
  for n = 1, #facts, 2 do
    if facts[n]:sub(1, 5) == 'open:' then
      sum, fields[#fields + 1] = sum + tonumber(facts[n + 1]), facts[n]
    end
  end
  return sum, fields
end

-- A queue of so many items is counted anew when its counters are wrong; a longer one is left as it is.
local SHORT = 200

-- Stock workers and dashboards count nothing: a short queue is counted anew when the sum is wrong.
local function tallyAnew(q, most)
  local total = rcall('LLEN', q.wait) + rcall('LLEN', q.active) + rcall('ZCARD', q.prioritized)
    + rcall('ZCARD', q.delayed) + rcall('ZCARD', q.failed)
  local sum, fields = tallied(q)
  if sum == total or total > most then return end
  for _, field in ipairs(fields) do rcall('HDEL', q.facts, field) end
  for _, ids in ipairs({ rcall('LRANGE', q.wait, 0, -1), rcall('LRANGE', q.active, 0, -1),
    rcall('ZRANGE', q.prioritized, 0, -1), rcall('ZRANGE', q.delayed, 0, -1), rcall('ZRANGE', q.failed, 0, -1) }) do
    for _, id in ipairs(ids) do tally(q, rcall('HGET', q.base .. id, 'entity'), 1) end
  end
end
