--@include index

-- Queue ids are unique over all shards: this shard gives out those with its own remainder.
local INDEX = tonumber(PREFIX:match(':s(%d+)}$'))

-- Whose replication this is, as `Master` asks for it too: another one after each failover and each restart.
local function replication() return rcall('INFO', 'replication'):match('master_replid:(%w+)') end

-- A master that took over may not have heard of the last ids its forerunner gave out, nor may one that was started
-- again have them in its file, and the far side may have seen them as idempotency keys already: go on well beyond
-- them. How far is another number each second: a second heir may never have heard of the first one's step, and the
-- same step would give out the same ids.
-- told: what the caller knows as `replication`. It may have changed since (a first replica came) with nothing lost.
local function skipLost(told)
  local known = rcall('GET', shard.master)
  if known == told then return end
  local is = replication()
  if known == is then return end
  if known or rcall('EXISTS', shard.id) == 1 then
    local step = 100000 * (1 + clock[1] % 1000)
    rcall('INCRBY', shard.id, math.ceil(step / SHARDS))
  end
  rcall('SET', shard.master, is)
end

-- The next one for an item of this queue, under which it will be found.
local function nextId(q)
  local id
  repeat
    id = string.format('%.0f', rcall('INCR', shard.id) * SHARDS + INDEX)
  until rcall('EXISTS', q.base .. id) == 0 and enroll(q, id) -- a plain BullMQ producer may have used it
  return id
end
