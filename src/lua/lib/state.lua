-- Where an item sits is its state.
local function stateOf(q, id)
  if rcall('EXISTS', q.base .. id) == 0 then return 'gone' end
  if rcall('ZSCORE', q.failed, id) then return 'failed' end
  if rcall('ZSCORE', q.completed, id) then return rcall('HGET', q.base .. id, 'outcome') or 'completed' end
  if rcall('LPOS', q.active, id) then return 'active' end
  if rcall('HGET', q.facts, 'heldBy') == id then return 'backing-off' end
  if rcall('ZSCORE', q.delayed, id) then return 'backing-off' end
  return 'waiting'
end

-- Takes an item that a person may deal with (failed, or waiting for its next try) from where it sits.
local function pick(q, id, state)
  if state == 'failed' then
    rcall('ZREM', q.failed, id)
    rcall('ZREM', shard.failed, id)
  elseif rcall('ZREM', q.delayed, id) == 0 then
    rcall('LREM', q.wait, -1, id)
  end
end

-- A blocked queue whose failed item was removed behind our back must still be openable.
local function ghost(q, id, state)
  return state == 'gone' and rcall('HGET', q.facts, 'blockedBy') == id
end
