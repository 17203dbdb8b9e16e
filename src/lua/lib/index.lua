-- Items are found again by their entity, and entities by how their key begins, capitals or not.
local function nameOf(entity) return string.lower(entity:match(':(.*)$') or entity) .. '\n' .. entity end

-- An item is found by its id, wherever its queue; false when the id is taken.
local function enroll(q, id)
  if rcall('HSETNX', shard.items, id, q.name) == 0 then return false end
  rcall('ZADD', shard.ids, id, id)
  return true
end

local function strikeOff(id)
  rcall('HDEL', shard.items, id)
  rcall('ZREM', shard.ids, id)
end

local function index(entity, id)
  if not entity or entity == '' then return end
  rcall('ZADD', entityKey(entity), id, id)
  rcall('ZADD', shard.entities, 0, nameOf(entity))
end

local function unindex(entity, id)
  if not entity or entity == '' then return end
  rcall('ZREM', entityKey(entity), id)
  if rcall('EXISTS', entityKey(entity)) == 0 then rcall('ZREM', shard.entities, nameOf(entity)) end
end
