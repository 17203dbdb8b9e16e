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

-- Queued items of the client's entity that go too, from the head, in one walk over the queue; whether an add ended it.
local function along()
  local of, adds, client = {}, namesIn(ARGV[7]), clientOf(q, id)
  for _, one in ipairs(rcall('ZRANGE', entityKey(entity), 0, -1)) do of[one] = one ~= id end
  local ids, waiting = {}, rcall('LRANGE', q.wait, 0, -1)
  for n = #waiting, 1, -1 do
    local one = waiting[n]
    if of[one] and clientOf(q, one) == client then
      if scope == 'entity-until-add' and adds[nameOf(one)] then return ids, waiting, true end
      ids[#ids + 1] = one
    end
  end
  return ids, waiting, false
end

-- Before the first step: nothing goes unasked that leaves two systems apart for good.
if ARGV[9] ~= '1' then
  local grave, go = namesIn(ARGV[10]), reaches and along() or {}
  table.insert(go, 1, id)
  for _, one in ipairs(go) do
    local name = nameOf(one)
    if grave[name] then return { 'reason', one, name } end
  end
end

pick(q, id)
skip(id)

-- A few are taken out one by one; for many the list is written anew, or each would walk it again.
local function takeOut(ids, waiting)
  if #ids <= 10 then
    for _, one in ipairs(ids) do rcall('LREM', q.wait, -1, one) end
    return
  end
  local out, kept = {}, {}
  for _, one in ipairs(ids) do out[one] = true end
  for _, one in ipairs(waiting) do
    if not out[one] then kept[#kept + 1] = one end
  end
  rcall('DEL', q.wait)
  for from = 1, #kept, 5000 do
    rcall('RPUSH', q.wait, unpack(kept, from, math.min(from + 4999, #kept)))
  end
end

if reaches then
  local ids, waiting, addWaits = along()
  takeOut(ids, waiting)
  for _, one in ipairs(ids) do skip(one) end
  if scope == 'entity-until-add' and not addWaits then
    rcall('HSET', rulesKey(q.name), ruleOf(clientOf(q, id), entity),
      cjson.encode({ at = now, actor = actor, reason = reason, scope = scope, ['until'] = ARGV[6] }))
  end
end

lift(q, id)
wake(q)
return skipped
