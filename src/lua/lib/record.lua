-- What happened, told to three readers: the event stream (programs that follow along), the audit
-- stream (who did what) and the item's own history.

local function event(kind, q, id)
  rcall('XADD', shard.events, 'MAXLEN', '~', 10000, '*', 'type', kind, 'queue', q.name, 'queueId', id, 'at', now)
end

-- details: a flat table of strings; actor: who did it.
local function record(action, q, id, actor, details)
  local entry = { at = now, actor = actor, action = action }
  for name, value in pairs(details or {}) do
    if value ~= '' then entry[name] = value end
  end
  local line = cjson.encode(entry)
  event(action, q, id)
  rcall('XADD', shard.audit, 'MAXLEN', '~', 100000, '*', 'queue', q.name, 'queueId', id, 'entry', line)
  if id ~= '' and rcall('EXISTS', q.base .. id) == 1 then
    local history = rcall('HGET', q.base .. id, 'history')
    rcall('HSET', q.base .. id, 'history', history and (history .. '\n' .. line) or line)
  end
end
