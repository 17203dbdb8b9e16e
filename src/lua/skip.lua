-- A person leaves an item undone, and if asked the queued items of the same entity with it.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] queue id   ARGV[3] actor   ARGV[4] reason
--   ARGV[5] scope: 'item', 'entity' or 'entity-until-add'
--   ARGV[6] when a lasting rule ends, ms since 1970 or ''   ARGV[7] JSON list of instructions that add
--   ARGV[8] finished items to keep
-- Returns {'ok', skipped ids ...}, or {present state} with nothing changed.
--@include facts
--@include record
--@include state
--@include aside
--@include retain

local q, id, actor, reason, scope = line(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local state = stateOf(q, id)
if ghost(q, id, state) then
  lift(q, id)
  record('skip', q, id, actor, { reason = reason })
  wake(q)
  return { 'ok', id }
end
if state ~= 'failed' and state ~= 'backing-off' then return { state } end

local skipped = { 'ok' }
local function skip(one)
  aside(q, one, 'skipped', cjson.encode({ at = now, actor = actor, reason = reason, scope = scope }))
  record('skip', q, one, actor, { reason = reason, scope = scope })
  skipped[#skipped + 1] = one
end

pick(q, id, state)
skip(id)

local entity = rcall('HGET', q.base .. id, 'entity')
if scope ~= 'item' and entity and entity ~= '' then
  local adds = {}
  for _, name in ipairs(cjson.decode(ARGV[7])) do adds[name] = true end
  local addWaits = false
  for _, one in ipairs(rcall('ZRANGE', entityKey(entity), 0, -1)) do
    if rcall('HGET', shard.items, one) == q.name and rcall('LPOS', q.wait, one) then
      if scope == 'entity-until-add' and adds[rcall('HGET', q.base .. one, 'name')] then
        addWaits = true
        break
      end
      rcall('LREM', q.wait, -1, one)
      skip(one)
    end
  end
  if scope == 'entity-until-add' and not addWaits then
    rcall('HSET', rulesKey(q.name), entity,
      cjson.encode({ at = now, actor = actor, reason = reason, scope = scope, ['until'] = ARGV[6] }))
  end
end

lift(q, id)
retain(q, tonumber(ARGV[8]))
wake(q)
return skipped
