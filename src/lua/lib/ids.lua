-- Queue ids are unique over all shards: this shard gives out those with its own remainder.
local INDEX = tonumber(PREFIX:match(':s(%d+)}$'))

-- A master that took over may not have heard of the last ids its forerunner gave out, and the far side
-- may have seen them as idempotency keys already: go on well beyond them. How far is another number each second: a
-- second heir may never have heard of the first one's step, and the same step would give out the same ids.
-- replication: the id of this master's replication; '' where nothing is replicated.
local function skipLost(replication)
  if replication == '' then return end
  local known = rcall('GET', shard.master)
  if known == replication then return end
  -- No mark was left where ids were given out before there was a replica to be seen.
  if known or rcall('EXISTS', shard.id) == 1 then 
    local step = 100000 * (1 + tonumber(rcall('TIME')[1]) % 1000)
    rcall('INCRBY', shard.id, math.ceil(step / SHARDS))
  end
  rcall('SET', shard.master, replication)
end

-- The same id where the caller has none: as `Master` asks for it, so '' where nothing is replicated.
local function replication()
  local told = rcall('INFO', 'replication')
  local alone = told:match('connected_slaves:(%d+)') == '0' and told:match('master_replid2:0*[\r\n]')
  return alone and '' or told:match('master_replid:(%w+)') or ''
end

local function nextId(q)
  local id
  repeat
    id = string.format('%.0f', rcall('INCR', shard.id) * SHARDS + INDEX)
  until rcall('EXISTS', q.base .. id) == 0 -- a plain BullMQ producer may have used it
  return id
end
