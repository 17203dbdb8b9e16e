-- Enters items into the index of their entities, where they are not yet. For migrations.
--   KEYS[1] shard prefix
--   ARGV    queue id and queue, of each item
-- Returns how many there are.
--@include index

local count = 0
for n = 1, #ARGV, 2 do
  local entity = rcall('HGET', line(ARGV[n + 1]).base .. ARGV[n], 'entity')
  if entity then
    index(entity, ARGV[n])
    count = count + 1
  end
end
return count
