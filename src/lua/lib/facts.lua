-- What stops a queue is written down as our own facts, in a hash outside BullMQ's keys:
--   blockedBy, blockedAt             the failed item that stands in the way
--   pausedAt, pausedBy, pauseReason  a person stopped it
--   heldUntil, heldAt, heldBy, heldKind, heldReason, heldCause   its head waits: for its next try ('back-off'), for
--                                    the far side ('hold') or for room in its rate limit ('rate')
-- Beside them stands which item goes first, as it was tried before (`first`).
-- A hold may be prolonged many times before the far side is back; how long it lasts altogether stands with
-- the item, on the parallel queue too: heldSince, heldTimes, heldWhy.
-- Queues that are blocked or paused stand in an index too, for lists over all queues.
-- BullMQ's own switches (`paused`, `concurrency`) mirror them, so that a stock worker or dashboard
-- that is let loose on the queue finds it shut as well. BullMQ only asks whether `paused` is there, so
-- its value tells whose it is.
local OURS_PAUSED, STRANGER = 'andon', 'a BullMQ client'

-- Somebody paused or resumed the queue with plain BullMQ: keep that as a fact before mirroring again.
local function notice(q)
  local switch = rcall('HGET', q.meta, 'paused')
  if switch == OURS_PAUSED then return end
  local f = rcall('HMGET', q.facts, 'pausedAt', 'pausedBy')
  if switch and not f[1] then
    rcall('HSET', q.facts, 'pausedAt', now, 'pausedBy', STRANGER)
  elseif not switch and f[2] == STRANGER then
    rcall('HDEL', q.facts, 'pausedAt', 'pausedBy')
  end
end

local function mirror(q)
  local f = rcall('HMGET', q.facts, 'blockedBy', 'pausedAt', 'heldUntil')
  if f[1] or f[2] then
    rcall('HSET', q.meta, 'paused', OURS_PAUSED)
    rcall('ZADD', shard.standing, 'NX', now, q.name)
  else
    rcall('HDEL', q.meta, 'paused')
    rcall('ZREM', shard.standing, q.name)
  end
  if q.blocking then
    rcall('HSET', q.meta, 'concurrency', (f[1] or f[3]) and 0 or 1)
  end
end

local function stopped(q)
  local f = rcall('HMGET', q.facts, 'blockedBy', 'pausedAt', 'heldUntil')
  return f[1] or f[2] or f[3]
end

-- A person stopped the whole fleet: nothing starts, whatever stands with the queue.
local function fleetStands()
  return rcall('EXISTS', shard.fleetPause) == 1
end

local function hasWork(q)
  if rcall('LLEN', q.wait) > 0 or rcall('ZCARD', q.prioritized) > 0 then return true end
  -- BullMQ scores a delayed job by its time in ms * 4096
  local due = rcall('ZRANGEBYSCORE', q.delayed, '-inf', now * 4096 + 4095, 'LIMIT', 0, 1)
  return #due > 0
end

-- Puts a queue that could run into the ready index and rouses one idle worker.
-- A blocking queue with an active item needs neither: who settles that item goes on with the next.
-- Returns 1 when the queue was not there yet.
local function wake(q)
  if stopped(q) or not hasWork(q) then return 0 end
  if q.blocking and rcall('LLEN', q.active) > 0 then return 0 end
  local ready = q.blocking and shard.readyBlocking or shard.readyParallel
  local added = rcall('ZADD', ready, 'NX', now, q.name)
  rcall('ZADD', q.blocking and shard.wakeBlocking or shard.wakeParallel, 0, '1')
  return added
end

-- The item has been dealt with: whatever it held up is let go, and nothing else.
local function lift(q, id)
  notice(q)
  if rcall('HGET', q.facts, 'blockedBy') == id then
    rcall('HDEL', q.facts, 'blockedBy', 'blockedAt')
  end
  if rcall('HGET', q.facts, 'heldBy') == id then
    rcall('HDEL', q.facts, 'heldUntil', 'heldAt', 'heldBy', 'heldKind', 'heldReason', 'heldCause')
    if q.blocking then rcall('ZREM', shard.holds, q.name) end
  end
  mirror(q)
end

-- The item is not on hold any more, however often the hold was prolonged.
local function endHold(q, id)
  rcall('HDEL', q.base .. id, 'heldSince', 'heldTimes', 'heldWhy', 'answered')
  rcall('ZREM', shard.held, q.name .. ' ' .. id)
end
