-- Accepts items: all of them in one unbroken range, or none.
--   KEYS[1] shard prefix
--   ARGV[1] idempotency window in ms
--   then per item: queue, instruction, data JSON, title, entity ('kind:key' or ''), barrier,
--                  channel, source, client, idempotency key ('' for none), hash of the request
-- Returns {'mismatch', index of the item} or {'ok', JSON per item}:
--   {queueId, queue, state, position, replayed}
--@include facts
--@include record
--@include ids
--@include aside
--@bullmq addStandardJob

local FIELDS = 11
local window = ARGV[1]
local count = (#ARGV - 1) / FIELDS

local function field(n, i) return ARGV[1 + (n - 1) * FIELDS + i] end

-- First look, so that a refusal writes nothing.
for n = 1, count do
  local key = field(n, 10)
  if key ~= '' then
    local before = rcall('GET', idempotencyKey(key))
    if before and cjson.decode(before).hash ~= field(n, 11) then return { 'mismatch', n - 1 } end
  end
end

-- A person said "skip its updates until the next add": true while that rule stands for this item.
local function ruledOut(q, entity, barrier)
  if entity == '' then return nil end
  local rule = rcall('HGET', rulesKey(q.name), entity)
  if not rule then return nil end
  local till = tonumber(cjson.decode(rule)['until'] or '')
  if barrier == 'add' or (till and till < now) then
    rcall('HDEL', rulesKey(q.name), entity)
    return nil
  end
  return rule
end

-- The queues of this request by name; each is woken once, when all its items are in.
local queues = {}
local function queueOf(name)
  if not queues[name] then
    queues[name] = line(name)
    rcall('HSETNX', queues[name].meta, 'opts.maxLenEvents', 100)
  end
  return queues[name]
end

local function accept(n)
  local q = queueOf(field(n, 1))
  local id = nextId(q)
  local entity = field(n, 5)
  addStandardJob(
    { q.wait, q.paused, q.meta, q.id, q.completed, q.delayed, q.active, q.events, q.marker },
    { cmsgpack.pack({ q.base, id, field(n, 2), now }), field(n, 3), cmsgpack.pack({}) })
  rcall('HSET', q.base .. id, 'title', field(n, 4), 'entity', entity, 'barrier', field(n, 6),
    'channel', field(n, 7), 'source', field(n, 8), 'client', field(n, 9))
  rcall('HSET', shard.items, id, q.name)
  if entity ~= '' then rcall('ZADD', entityKey(entity), id, id) end

  local position = rcall('LLEN', q.wait) - 1 + rcall('LLEN', q.active)
  if rcall('HEXISTS', q.facts, 'blockedBy') == 1 then position = position + 1 end
  local answer = { queueId = id, queue = q.name, state = 'waiting', position = position }

  local rule = ruledOut(q, entity, field(n, 6))
  if rule then
    rcall('LREM', q.wait, 1, id)
    aside(q, id, 'skipped', rule)
    record('skip', q, id, cjson.decode(rule).actor, { reason = 'rule: skip until the next add' })
    answer.state = 'skipped'
  end
  return answer
end

local answers = { 'ok' }
for n = 1, count do
  local key = field(n, 10)
  local before = key ~= '' and rcall('GET', idempotencyKey(key))
  if before then
    local answer = cjson.decode(before).answer
    answer.replayed = true
    answers[n + 1] = cjson.encode(answer)
  else
    local answer = accept(n)
    answers[n + 1] = cjson.encode(answer)
    if key ~= '' then
      rcall('SET', idempotencyKey(key), cjson.encode({ hash = field(n, 11), answer = answer }), 'PX', window)
    end
  end
end
for _, q in pairs(queues) do wake(q) end
return answers
