-- Items are found again by their entity, and entities by how their key begins, capitals or not.
local function nameOf(entity) return string.lower(entity:match(':(.*)$') or entity) .. '\n' .. entity end

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
