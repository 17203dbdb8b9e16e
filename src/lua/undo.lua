-- A person takes back the skipping of items: they wait again, each at the place that its turn gives it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] actor   ARGV[3] reason   ARGV[4 ...] ids of skipped items of the queue, oldest first
-- Returns {'ok'}, or with nothing changed {present state, id} or {'overtaken', id, id of what has run since, or
-- 'forgotten' when that may be an item which is no longer kept}.
--@include facts
--@include record
--@include state
--@include tally
--@include rules

local q, actor, reason = line(ARGV[1]), ARGV[2], ARGV[3]

local undone, since = {}, math.huge
local function skippedAt(id) return cjson.decode(rcall('HGET', q.base .. id, 'outcomeDetails') or '{}').at or 0 end
for n = 4, #ARGV do
  undone[ARGV[n]] = true
  since = math.min(since, skippedAt(ARGV[n]))
end

local function started(id) return tonumber(rcall('HGET', q.base .. id, 'ats') or 0) > 0 end

-- When an item came. Ids tell it better than times, as clocks may be set back; but those of plain BullMQ
-- producers are a range of their own, and one that we gave a queue id got it late.
local turns = {}
local function turnOf(id)
  if not turns[id] then
    local f = rcall('HMGET', q.base .. id, 'timestamp', 'foreignId', 'title')
    local given = f[2] and f[2] ~= id
    turns[id] = { at = tonumber(f[1] or 0), number = tonumber(id) or 0, ours = f[3] and not f[2], given = given }
  end
  return turns[id]
end

local function cameAfter(one, other)
  local a, b = turnOf(one), turnOf(other)
  if a.ours == b.ours and not a.given and not b.given or a.at == b.at then return a.number > b.number end
  return a.at > b.at
end

local function isLoose(id) return (rcall('HGET', q.base .. id, 'entity') or '') == '' end

-- What has run since the first skip, as {id, until when}: all of the queue, and those that concern no entity.
-- Beyond so many completed ones none is looked at: a script holds Redis while it runs.
local LOOK = 20000
local found
local function ran()
  if found then return found end
  found = { all = {}, loose = {}, complete = true }
  local function add(id, till)
    if undone[id] then return end
    local one = { id, till }
    table.insert(found.all, one)
    if isLoose(id) then table.insert(found.loose, one) end
  end
  for _, id in ipairs(rcall('LRANGE', q.active, 0, -1)) do add(id, math.huge) end
  -- Given back, or waiting for its next try. What was tried is at the head, or was taken back before.
  for _, id in ipairs(rcall('LRANGE', q.wait, -1000, -1)) do
    if started(id) then add(id, math.huge) end
  end
  local function addScored(key)
    local from = string.format('%.0f', since)
    local scored = rcall('ZRANGE', key, from, '+inf', 'BYSCORE', 'LIMIT', 0, LOOK, 'WITHSCORES')
    for n = 1, #scored, 2 do
      if rcall('HGET', shard.items, scored[n]) == q.name then add(scored[n], tonumber(scored[n + 1])) end
    end
  end
  addScored(q.failed)
  addScored(shard.resolved)
  for from = 0, rcall('LLEN', doneKey(q.name)) - 1, 500 do
    if from >= LOOK then found.complete = false end
    if not found.complete then break end
    for _, id in ipairs(rcall('LRANGE', doneKey(q.name), from, from + 499)) do
      local till = tonumber(rcall('HGET', q.base .. id, 'finishedOn') or 0)
      if till < since then return found end
      add(id, till)
    end
  end
  return found
end

-- Something newer that has run: to run the old one now would put an old price over a new one. It counts
-- when it is of the same entity, and when one of the two concerns no entity, as nobody knows what that goes with.
-- Returns its id, 'forgotten' when that could be one which is not kept any more, or nil.
local function overtakenBy(id)
  local at, entity = skippedAt(id), rcall('HGET', q.base .. id, 'entity') or ''
  if entity ~= '' then
    local client = clientOf(q, id)
    for _, other in ipairs(rcall('ZRANGE', entityKey(entity), 0, -1)) do
      -- What one channel got is newer there whoever sent it; the parallel queue goes to many far sides.
      local same = q.blocking or clientOf(q, other) == client
      if same and not undone[other] and rcall('HGET', shard.items, other) == q.name and started(other)
        and cameAfter(other, id) and rcall('HGET', q.base .. other, 'outcome') ~= 'skipped' then return other end
    end
  end
  local missing = tonumber(rcall('HGET', q.facts, 'forgotten') or 0) >= at
  if not q.blocking then return entity ~= '' and missing and 'forgotten' or nil end -- no order but that of an entity
  for _, one in ipairs(entity == '' and ran().all or ran().loose) do
    if one[2] >= at and cameAfter(one[1], id) then return one[1] end
  end
  return (missing or not ran().complete) and 'forgotten' or nil
end

for n = 4, #ARGV do
  local state = stateOf(q, ARGV[n])
  if state ~= 'skipped' then return { state, ARGV[n] } end
  local other = overtakenBy(ARGV[n])
  if other then return { 'overtaken', ARGV[n], other } end
end

-- Behind everything that came before it and still waits, before everything that came after it; but a head
-- that waits for its next try stays the head.
local function toItsPlace(id)
  local f = rcall('HMGET', q.facts, 'heldBy', 'first')
  local held, first = f[1], f[2]
  if first and cameAfter(first, id) then rcall('HDEL', q.facts, 'first') end
  for from = 0, rcall('LLEN', q.wait) - 1, 100 do
    local waiting = rcall('LRANGE', q.wait, -100 - from, -1 - from)
    for k = #waiting, 1, -1 do
      local other = waiting[k]
      if other ~= held and cameAfter(other, id) then
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
  local f = rcall('HMGET', q.base .. id, 'entity', 'barrier')
  local entity = f[1] or ''
  -- The rule that this skip had made, or any when this is the add until which it was to last.
  for _, name in ipairs(entity ~= '' and { ruleOf(clientOf(q, id), entity), entity } or {}) do
    local rule = rcall('HGET', rulesKey(q.name), name)
    if rule and (cjson.decode(rule).at == details.at or f[2] == 'add') then
      rcall('HDEL', rulesKey(q.name), name)
    end
  end
  rcall('ZREM', q.completed, id)
  rcall('ZREM', shard.skipped, id)
  rcall('HINCRBY', q.facts, 'skipped', -1)
  rcall('HDEL', q.base .. id, 'outcome', 'outcomeDetails', 'returnvalue', 'finishedOn', 'processedOn')
  rcall('HSET', q.base .. id, 'tries', 0, 'deaths', 0, 'delay', 0)
  tally(q, rcall('HGET', q.base .. id, 'entity'), 1)
  toItsPlace(id)
  record('undo-skip', q, id, actor, { reason = reason })
end
wake(q)
return { 'ok' }
