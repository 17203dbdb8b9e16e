-- What the alerts want to know of items. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV    queue ids
-- Returns per item {queue or '', state, 1 when it blocks its queue, how many wait in that queue,
--   name, title, entity, channel, source, client, error JSON, failedReason, heldWhy JSON}.
--@include state

local items = {}
for n = 1, #ARGV do
  local id = ARGV[n]
  local name = rcall('HGET', shard.items, id)
  if not name then
    items[n] = { '', 'gone', 0, 0 }
  else
    local q = line(name)
    local row = {
      name,
      stateOf(q, id),
      rcall('HGET', q.facts, 'blockedBy') == id and 1 or 0,
      rcall('LLEN', q.wait) + rcall('ZCARD', q.prioritized),
    }
    local fields = rcall('HMGET', q.base .. id, 'name', 'title', 'entity', 'channel', 'source', 'client',
      'error', 'failedReason', 'heldWhy')
    for i = 1, #fields do row[#row + 1] = fields[i] or '' end
    items[n] = row
  end
end
return items
