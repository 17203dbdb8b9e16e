-- Forgets what was dealt with and kept for long enough, a small step a call: Redis serves nobody meanwhile.
--   KEYS[1] shard prefix
--   ARGV[1] how many may go in this step
--   ARGV[2] completed items that a queue keeps   ARGV[3] how long, ms
--   ARGV[4] skipped ones, likewise   ARGV[5] how long, ms   ARGV[6] resolved ones   ARGV[7] how long, ms
--   ARGV[8] skipped ones stay so long whatever their number, ms: a person may take them back
--   ARGV[9] lines of the audit that are kept   ARGV[10] how long, ms
--   then the names of queues
-- Returns {how many went, with which of these queues to go on; 0 when all are through}.
--@include retain

-- Finished items of a queue that are looked at for those beyond its number.
local LOOK = 500
local FIRST = 10

local left, gone = tonumber(ARGV[1]), 0
local function take(q, id, outcome)
  left = left - 1
  local one = forget(q, id, outcome)
  gone = gone + one
  return one
end

-- Whole nodes of the stream go, so a few lines may stay too long.
rcall('XTRIM', shard.audit, 'MAXLEN', '~', ARGV[9], 'LIMIT', 10000)
rcall('XTRIM', shard.audit, 'MINID', '~', string.format('%.0f', math.max(now - tonumber(ARGV[10]), 0)), 'LIMIT', 10000)

-- Set aside long ago, in whatever queue; also in one that was deleted since.
local function tooOld(outcome, keptMs)
  for _, id in ipairs(rcall('ZRANGEBYSCORE', shard[outcome], '-inf', now - keptMs, 'LIMIT', 0, left)) do
    local name = rcall('HGET', shard.items, id)
    if not name or take(line(name), id, outcome) == 0 then rcall('ZREM', shard[outcome], id) end
  end
end
tooOld('skipped', tonumber(ARGV[5]))
tooOld('resolved', tonumber(ARGV[7]))

-- The done list is in the order in which they were completed, oldest right.
local function completed(q, keep, keptMs)
  local done = doneKey(q.name)
  while left > 0 do
    local id = rcall('LINDEX', done, -1)
    if not id then return end
    local at = tonumber(rcall('HGET', q.base .. id, 'finishedOn') or 0)
    if at > now - keptMs and rcall('LLEN', done) <= keep then return end
    rcall('RPOP', done)
    take(q, id, 'completed')
  end
end

-- What a worker of plain BullMQ has completed stands in no list of ours and has no outcome. It goes by the same
-- number and age as the others, on its own. Up to when none is left stands in the facts.
local function strays(q, keep, keptMs)
  local set = rcall('HMGET', q.facts, 'skipped', 'resolved', 'trimmed:strays')
  local others = rcall('LLEN', doneKey(q.name)) + (set[1] or 0) + (set[2] or 0)
  local count = rcall('ZCARD', q.completed) - others
  if count <= 0 or left <= 0 then return end
  local page = rcall('ZRANGEBYSCORE', q.completed, set[3] or '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, LOOK)
  left = left - #page / 20
  local seen, before = nil, gone
  for n = 1, #page, 2 do
    if not rcall('HGET', q.base .. page[n], 'outcome') then
      local old = tonumber(page[n + 1]) <= now - keptMs
      if left <= 0 or not (old or count > keep) then break end
      count = count - take(q, page[n], false)
    end
    seen = page[n + 1]
  end
  if not seen then return end
  -- A whole page of one millisecond and none to go: what else came in it is left.
  local stuck = #page == LOOK * 2 and seen == page[2] and gone == before
  rcall('HSET', q.facts, 'trimmed:strays', stuck and '(' .. seen or seen)
end

-- Beyond its number the oldest go. Up to when all were looked at stands in the facts, so that nobody looks twice.
local function tooMany(q, outcome, keep, till)
  local excess = tonumber(rcall('HGET', q.facts, outcome) or 0) - keep
  local mark = 'trimmed:' .. outcome
  while excess > 0 and left > 0 do
    local from = rcall('HGET', q.facts, mark) or '-inf'
    local page = rcall('ZRANGEBYSCORE', q.completed, from, till, 'WITHSCORES', 'LIMIT', 0, LOOK)
    local before = gone
    for n = 1, #page, 2 do
      if excess <= 0 or left <= 0 then return end
      if rcall('HGET', q.base .. page[n], 'outcome') == outcome then excess = excess - take(q, page[n], outcome) end
    end
    if #page < LOOK * 2 then return end
    -- So many of one millisecond and none to go: what else came in it is left to its age.
    local last = page[#page]
    rcall('HSET', q.facts, mark, last == page[2] and gone == before and '(' .. last or last)
    left = left - LOOK / 10
  end
end

for n = FIRST + 1, #ARGV do
  local q = line(ARGV[n])
  completed(q, tonumber(ARGV[2]), tonumber(ARGV[3]))
  strays(q, tonumber(ARGV[2]), tonumber(ARGV[3]))
  tooMany(q, 'skipped', tonumber(ARGV[4]), now - tonumber(ARGV[8]))
  tooMany(q, 'resolved', tonumber(ARGV[6]), now)
  if left <= 0 then return { gone, n - FIRST } end
end
return { gone, 0 }
