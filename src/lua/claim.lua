-- A worker with free slots takes the heads of queues that are ready, longest ready first.
--   KEYS[1] shard prefix
--   ARGV[1] 'blocking' or 'parallel'   ARGV[2] free slots   ARGV[3] lock token
--   ARGV[4] lock duration in ms        ARGV[5] worker name
-- Returns a list of {queue, queue id, fence, fields of the item}.
--@include facts
--@include take

local blocking, slots = ARGV[1] == 'blocking', tonumber(ARGV[2])
local ready = blocking and shard.readyBlocking or shard.readyParallel
local token, lockMs, worker = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local taken = {}

-- The queues stay ready; whoever resumes the fleet rouses the workers.
if fleetStands() then return taken end

-- Queues that turn out empty or stopped cost a look each; 500 of them are enough for one script.
for _ = 1, 500 do
  if #taken >= slots then break end
  local name = rcall('ZPOPMIN', ready)[1]
  if not name then break end
  local q = line(name)
  prepare(q)
  local before = #taken
  repeat
    local item = take(q, token, lockMs, worker)
    taken[#taken + 1] = item
  until q.blocking or not item or #taken >= slots
  -- Whoever settles the item of a blocking queue goes on with the next; the parallel queue may have
  -- more for others. One that gave nothing, though it has work, is shut by a switch of BullMQ's own: to
  -- put it back would spin, so it is left to the sweeper.
  if not q.blocking and #taken > before then wake(q) end
end

-- Somebody else may have a slot for what is left.
if rcall('ZCARD', ready) > 0 then
  rcall('ZADD', blocking and shard.wakeBlocking or shard.wakeParallel, 0, '1')
end
return taken
