-- A person takes back the skipping of items: they wait again, each at the place that its turn gives it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] actor   ARGV[3] reason   ARGV[4 ...] ids of skipped items of the queue, oldest first
-- Returns {'ok'}, or with nothing changed {present state, id} or {'overtaken', id, id of what has run since}.
--@include facts
--@include record
--@include state

local q, actor, reason = line(ARGV[1]), ARGV[2], ARGV[3]

local undone = {}
for n = 4, #ARGV do undone[ARGV[n]] = true end

local function started(id) return tonumber(rcall('HGET', q.base .. id, 'ats') or 0) > 0 end

-- Something newer of its entity that has run: to run the old one now would put an old price over a new one.
-- Of an item that concerns no entity nobody knows what it goes with: there everything newer counts.
local function overtakenBy(id)
  local f = rcall('HMGET', q.base .. id, 'entity', 'outcomeDetails')
  if f[1] and f[1] ~= '' then
    for _, other in ipairs(rcall('ZRANGE', entityKey(f[1]), '(' .. id, '+inf', 'BYSCORE')) do
      if not undone[other] and rcall('HGET', shard.items, other) == q.name and started(other) then
        local outcome = rcall('HGET', q.base .. other, 'outcome')
        if outcome ~= 'skipped' then return other end
      end
    end
    return nil
  end
  local at = string.format('%.0f', cjson.decode(f[2] or '{}').at or 0)
  local active = rcall('LINDEX', q.active, 0)
  if active then return active end
  local failed = rcall('ZRANGE', q.failed, at, '+inf', 'BYSCORE', 'LIMIT', 0, 1)
  if failed[1] then return failed[1] end
  for _, other in ipairs(rcall('ZRANGE', q.completed, at, '+inf', 'BYSCORE', 'LIMIT', 0, 1000)) do
    if not undone[other] and rcall('HGET', q.base .. other, 'outcome') == 'completed' then return other end
  end
  return nil
end

for n = 4, #ARGV do
  local state = stateOf(q, ARGV[n])
  if state ~= 'skipped' then return { state, ARGV[n] } end
  local other = overtakenBy(ARGV[n])
  if other then return { 'overtaken', ARGV[n], other } end
end

-- When an item came: by its time, and among those of one millisecond by its id.
local function came(id) return tonumber(rcall('HGET', q.base .. id, 'timestamp') or 0) end

-- Behind everything that came before it and still waits, before everything that came after it.
local function toItsPlace(id)
  local mine = came(id)
  for from = 0, rcall('LLEN', q.wait) - 1, 100 do
    local waiting = rcall('LRANGE', q.wait, -100 - from, -1 - from)
    for k = #waiting, 1, -1 do
      local other = waiting[k]
      local theirs = came(other)
      if theirs > mine or (theirs == mine and tonumber(other) and tonumber(other) > tonumber(id)) then
        rcall('LINSERT', q.wait, 'AFTER', other, id)
        return
      end
    end
  end
  rcall('LPUSH', q.wait, id)
end

for n = 4, #ARGV do
  local id = ARGV[n]
  local details = cjson.decode(rcall('HGET', q.base .. id, 'outcomeDetails') or '{}')
  local entity = rcall('HGET', q.base .. id, 'entity') or ''
  local rule = entity ~= '' and rcall('HGET', rulesKey(q.name), entity)
  if rule and cjson.decode(rule).at == details.at then rcall('HDEL', rulesKey(q.name), entity) end
  rcall('ZREM', q.completed, id)
  rcall('ZREM', shard.skipped, id)
  rcall('HINCRBY', q.facts, 'skipped', -1)
  rcall('HDEL', q.base .. id, 'outcome', 'outcomeDetails', 'returnvalue', 'finishedOn', 'processedOn')
  rcall('HSET', q.base .. id, 'tries', 0, 'deaths', 0, 'delay', 0)
  toItsPlace(id)
  record('undo-skip', q, id, actor, { reason = reason })
end
wake(q)
return { 'ok' }
