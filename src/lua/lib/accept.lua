--@include ids
--@include aside
--@include tally
--@include index
--@include rules
--@bullmq addStandardJob

-- A person said "skip its updates until the next add": true while that rule stands for this item.
local function ruledOut(q, entity, barrier, client)
  if entity == '' or not q.ruled then return nil end
  local stands
  for _, name in ipairs({ ruleOf(client, entity), entity }) do
    local rule = rcall('HGET', rulesKey(q.name), name)
    local till = rule and tonumber(cjson.decode(rule)['until'] or '')
    if rule and (barrier == 'add' or (till and till < now)) then
      rcall('HDEL', rulesKey(q.name), name)
    else
      stands = stands or rule
    end
  end
  return stands or nil
end

-- The queues of this request by name. What the items of one queue have in common is asked, and told, once:
--   ahead   how many items go before the next one
--   ruled   whether a person made any rule for it
--   came    kind of entity → how many of it came
local queues = {}
local function queueOf(name)
  local q = queues[name]
  if q then return q end
  q = line(name)
  queues[name] = q
  rcall('HSETNX', q.meta, 'opts.maxLenEvents', 100)
  q.ahead = rcall('LLEN', q.wait) + rcall('LLEN', q.active) + rcall('HEXISTS', q.facts, 'blockedBy')
  q.ruled = rcall('EXISTS', rulesKey(name)) == 1
  q.came = {}
  return q
end

-- The trace that an item belongs to: that of its enqueue, or of the item that caused it.
local function traceOf(cause, given)
  if cause == '' or (given or '') ~= '' then return given or '' end
  local parent = rcall('HGET', shard.items, cause)
  return parent and rcall('HGET', line(parent).base .. cause, 'trace') or ''
end

-- Puts one item at the end of its queue. item: queue, instruction, data JSON, title, entity ('kind:key' or
-- ''), barrier, channel, source, client, queue id of the item that caused it or '', traceparent or ''.
-- Returns {queueId, queue, state, position}. `wakeAll` follows when all are in.
local function accept(item)
  local q, entity, barrier = queueOf(item[1]), item[5], item[6]
  local id = nextId(q)
  addStandardJob(
    { q.wait, q.paused, q.meta, q.id, q.completed, q.delayed, q.active, q.events, q.marker },
    { cmsgpack.pack({ q.base, id, item[2], now }), item[3], cmsgpack.pack({}) })
  rcall('HSET', q.base .. id, 'title', item[4], 'entity', entity, 'barrier', barrier,
    'channel', item[7], 'source', item[8], 'client', item[9])
  if item[10] ~= '' then rcall('HSET', q.base .. id, 'causedBy', item[10]) end
  local trace = traceOf(item[10], item[11])
  if trace ~= '' then rcall('HSET', q.base .. id, 'trace', trace) end
  index(entity, id)
  local kind = kindOf(entity)
  q.came[kind] = (q.came[kind] or 0) + 1
  local answer = { queueId = id, queue = q.name, state = 'waiting', position = q.ahead }

  local rule = ruledOut(q, entity, barrier, item[9])
  if rule then
    rcall('LREM', q.wait, 1, id)
    aside(q, id, 'skipped', rule)
    record('skip', q, id, cjson.decode(rule).actor, { reason = 'rule: skip until the next add' })
    answer.state = 'skipped'
  else
    q.ahead = q.ahead + 1
  end
  return answer
end

-- Counts what came, and wakes each queue once.
local function wakeAll()
  for _, q in pairs(queues) do
    for kind, count in pairs(q.came) do tallyKind(q, kind, count) end
    wake(q)
  end
end
