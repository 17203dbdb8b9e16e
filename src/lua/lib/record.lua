-- What happened, told to three readers: the event stream (programs that follow along), the audit
-- stream (who did what) and the item's own history. The audit is cut to size by `forget`.

local function event(kind, q, id)
  rcall('XADD', shard.events, 'MAXLEN', '~', 10000, '*', 'type', kind, 'queue', q.name, 'queueId', id, 'at', now)
end

local function remember(q, id, line)
  if id == '' or rcall('EXISTS', q.base .. id) == 0 then return end
  local history = rcall('HGET', q.base .. id, 'history')
  -- However often an item fails and is retried, its hash stays small: beyond 256 KiB the oldest go.
  while history and #history + #line > 262144 do
    local cut = history:find('\n', 1, true)
    history = cut and history:sub(cut + 1)
  end
  rcall('HSET', q.base .. id, 'history', history and (history .. '\n' .. line) or line)
end

-- details: a flat table of strings; actor: who did it. changes: JSON of an object, what the audit keeps of a
-- change beside that ('{"before":…}'), put in as it stands, since cjson would make other numbers of it.
local function record(action, q, id, actor, details, changes)
  local entry = { at = now, actor = actor, action = action }
  for name, value in pairs(details or {}) do
    if value ~= '' then entry[name] = value end
  end
  local line = cjson.encode(entry)
  remember(q, id, line)
  -- the whole of what was, and how an attempt went, is read in the history of the item
  entry.before, entry.attempt, entry.ms, entry.fence = nil, nil, nil, nil
  event(action, q, id)
  local told = cjson.encode(entry)
  if changes and changes ~= '{}' then told = told:sub(1, -2) .. ',' .. changes:sub(2) end
  rcall('XADD', shard.audit, '*', 'queue', q.name, 'queueId', id, 'entry', told)
end
