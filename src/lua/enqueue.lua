-- Accepts items: all of them in one unbroken range, or none.
--   KEYS[1] shard prefix
--   ARGV[1] idempotency window in ms   ARGV[2] id of the master's replication
--   ARGV[3] traceparent of the enqueue, or ''
--   then per item: queue, instruction, data JSON, title, entity ('kind:key' or ''), barrier,
--                  channel, source, client, idempotency key ('' for none), hash of the request,
--                  queue id of the item that caused it or ''
-- Returns {'mismatch', index of the item} or {'ok', JSON per item}:
--   {queueId, queue, state, position, replayed}
--@include facts
--@include record
--@include accept

local FIELDS = 12
local window = ARGV[1]
local count = (#ARGV - 3) / FIELDS

if count % 1 ~= 0 then return redis.error_reply('ERR an item to enqueue has ' .. FIELDS .. ' fields') end

local function field(n, i) return ARGV[3 + (n - 1) * FIELDS + i] end

-- First look, so that a refusal writes nothing.
for n = 1, count do
  local key = field(n, 10)
  if key ~= '' then
    local before = rcall('GET', idempotencyKey(key))
    if before and cjson.decode(before).hash ~= field(n, 11) then return { 'mismatch', n - 1 } end
  end
end

skipLost(ARGV[2])

local answers = { 'ok' }
for n = 1, count do
  local key = field(n, 10)
  local before = key ~= '' and rcall('GET', idempotencyKey(key))
  if before then
    local answer = cjson.decode(before).answer
    answer.replayed = true
    answers[n + 1] = cjson.encode(answer)
  else
    local answer = accept({ field(n, 1), field(n, 2), field(n, 3), field(n, 4), field(n, 5), field(n, 6), field(n, 7),
      field(n, 8), field(n, 9), field(n, 12), ARGV[3] })
    answers[n + 1] = cjson.encode(answer)
    if key ~= '' then
      rcall('SET', idempotencyKey(key), cjson.encode({ hash = field(n, 11), answer = answer }), 'PX', window)
    end
  end
end
wakeAll()
return answers
