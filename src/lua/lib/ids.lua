-- Queue ids are unique over all shards: this shard gives out those with its own remainder.
local INDEX = tonumber(PREFIX:match(':s(%d+)}$'))

local function nextId(q)
  local id
  repeat
    id = string.format('%.0f', rcall('INCR', shard.id) * SHARDS + INDEX)
  until rcall('EXISTS', q.base .. id) == 0 -- a plain BullMQ producer may have used it
  return id
end
