-- What is told of failures that are put together by what they have in common: no data, no history. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV    queue ids, as the index of failed items has them
-- Returns JSON, a list of [queue id, queue, instruction, title, entity, channel, source, client, error JSON,
--   failedReason, errorAt] of each item that is still to be dealt with; what there is not is false. An item that was
--   removed with plain BullMQ while it blocked its queue has no instruction. One text, as a reply of fifty
--   thousand small ones takes its reader several times as long.
local found = {}
for n = 1, #ARGV do
  local id = ARGV[n]
  local queue = rcall('HGET', shard.items, id)
  if queue then
    -- Not `line`: of thousands of items two of its keys are wanted.
    local base = PREFIX .. ':' .. queue .. ':'
    if rcall('HGET', lineKey(queue), 'blockedBy') == id or rcall('ZSCORE', base .. 'failed', id) then
      local fields = rcall('HMGET', base .. id, 'name', 'title', 'entity', 'channel', 'source', 'client', 'error',
        'failedReason', 'errorAt')
      found[#found + 1] = { id, queue, unpack(fields, 1, 9) }
    end
  end
end
return #found > 0 and cjson.encode(found) or '[]'
