-- What a list shows of items, without their data and history. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV    queue ids
-- Returns per id {queue or nil, instruction, title, entity, channel, source, client, error JSON, when it failed,
--   why it is on hold (JSON), starts so far}; what there is not is nil.
local glances = {}
for n = 1, #ARGV do
  local queue = rcall('HGET', shard.items, ARGV[n])
  glances[n] = { queue, queue and rcall('HMGET', line(queue).base .. ARGV[n],
    'name', 'title', 'entity', 'channel', 'source', 'client', 'error', 'errorAt', 'heldWhy', 'ats') or {} }
end
return glances
