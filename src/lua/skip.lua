-- A person leaves an item undone, and if asked the queued items of the same entity and client with it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] actor   ARGV[4] reason
--   ARGV[5] scope: 'item', 'entity' or 'entity-until-add'
--   ARGV[6] when a lasting rule ends, ms since 1970 or ''   ARGV[7] JSON list of instructions that add
--   ARGV[8] only while it stands with its failure of then, ms since 1970; '' for whichever
--   ARGV[9] '1' when a person said why   ARGV[10] JSON list of instructions that need that
-- Returns {'ok', skipped ids ...}, or with nothing changed {'anew'} (it failed again since), {'reason', id,
-- instruction} (of one that would go, and nobody said why) or {present state}.
--@include facts
--@include record
--@include state
--@include aside
--@include rules

local q, id, actor, reason, scope = line(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local state = stateOf(q, id)
if isAnother(q, id, ARGV[8]) then return { 'anew' } end
if state == 'removed' then
  rcall('ZREM', shard.failed, id)
  lift(q, id)
  record('skip', q, id, actor, { reason = reason })
  wake(q)
  return { 'ok', id }
end
if state ~= 'failed' and state ~= 'backing-off' then return { state } end

local entity = rcall('HGET', q.base .. id, 'entity')
local reaches = scope ~= 'item' and entity and entity ~= ''
local skipped = { 'ok' }
local function skip(one)
  aside(q, one, 'skipped', cjson.encode({ at = now, actor = actor, reason = reason, scope = scope }))
  record('skip', q, one, actor, { reason = reason, scope = scope })
  skipped[#skipped + 1] = one
end

local function namesIn(list)
  local names = {}
  for _, name in ipairs(cjson.decode(list)) do names[name] = true end
  return names
end
local nameOf = function(one) return rcall('HGET', q.base .. one, 'name') end

-- Redis looks a few up where they stand, in a list of any length; for more, one walk over the whole list is quicker.
local FEW = 50

-- Items of the client's entity that may wait in this queue, as a set, and how many.
local function fellows()
  local set, count, client = {}, 0, clientOf(q, id)
  for _, one in ipairs(rcall('ZRANGE', entityKey(entity), 0, -1)) do
    if one ~= id and rcall('HGET', shard.items, one) == q.name and not rcall('ZSCORE', q.completed, one)
      and not rcall('ZSCORE', q.failed, one) and clientOf(q, one) == client then
      set[one], count = true, count + 1
    end
  end
  return set, count
end

-- Those of them that wait, from the head; and the list of all that waits, if it was walked.
local function fellowsInLine()
  local set, count = fellows()
  local ids = {}
  if count > FEW then
    local waiting = rcall('LRANGE', q.wait, 0, -1)
    for n = #waiting, 1, -1 do
      if set[waiting[n]] then ids[#ids + 1] = waiting[n] end
    end
    return ids, waiting
  end
  local place = {}
  for one in pairs(set) do
    place[one] = rcall('LPOS', q.wait, one, 'RANK', -1)
    if place[one] then ids[#ids + 1] = one end
  end
  table.sort(ids, function(one, other) return place[one] > place[other] end)
  return ids, nil
end

-- Who goes along, from the head; the list of all that waits, if it was walked; whether an add ended it.
local function along()
  local ids, waiting = fellowsInLine()
  if scope == 'entity' then return ids, waiting, false end
  local adds = namesIn(ARGV[7])
  for n, one in ipairs(ids) do
    if adds[nameOf(one)] then
      for beyond = #ids, n, -1 do ids[beyond] = nil end
      return ids, waiting, true
    end
  end
  return ids, waiting, false
end

local ids, waiting, addWaits = {}, nil, false
if reaches then ids, waiting, addWaits = along() end

-- Before the first step: nothing goes unasked that leaves two systems apart for good.
if ARGV[9] ~= '1' then
  local grave = namesIn(ARGV[10])
  for n = 0, #ids do
    local one = ids[n] or id
    local name = nameOf(one)
    if grave[name] then return { 'reason', one, name } end
  end
end

pick(q, id)
skip(id)

-- A few are taken out one by one; for many the list is written anew, or each would walk it again.
if waiting then
  local out, kept = { [id] = true }, {}
  for _, one in ipairs(ids) do out[one] = true end
  for _, one in ipairs(waiting) do
    if not out[one] then kept[#kept + 1] = one end
  end
  rcall('DEL', q.wait)
  for from = 1, #kept, 5000 do
    rcall('RPUSH', q.wait, unpack(kept, from, math.min(from + 4999, #kept)))
  end
else
  for _, one in ipairs(ids) do rcall('LREM', q.wait, -1, one) end
end
for _, one in ipairs(ids) do skip(one) end

if scope == 'entity-until-add' and reaches and not addWaits then
  rcall('HSET', rulesKey(q.name), ruleOf(clientOf(q, id), entity),
    cjson.encode({ at = now, actor = actor, reason = reason, scope = scope, ['until'] = ARGV[6] }))
end

lift(q, id)
wake(q)
return skipped
