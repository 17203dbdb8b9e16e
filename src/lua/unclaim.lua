-- A claim whose reply was lost took items that nobody delivers: each is the head again, and neither an attempt nor
-- a death is counted.
--   KEYS[1] shard prefix
--   ARGV[1] lock token of the claim
-- Returns how many went back.
--@include facts
--@include record
--@include letgo

local theirs = ARGV[1] .. '.'
local found = {}
for _, member in ipairs(rcall('ZRANGE', shard.inflight, 0, -1)) do
  local name, id = member:match('^(%S+) (.+)$')
  local q = line(name)
  local lock = rcall('GET', q.base .. id .. ':lock')
  if lock and lock:sub(1, #theirs) == theirs then
    found[#found + 1] = { q = q, id = id, lock = lock, fence = tonumber(lock:match('#(%d+)$')) }
  end
end

-- What was taken last goes back first.
table.sort(found, function(a, b) return a.fence > b.fence end)
local back = 0
for _, one in ipairs(found) do
  if letGo(one.q, one.id, one.lock) == 0 then
    rcall('HINCRBY', one.q.base .. one.id, 'ats', -1)
    toHead(one.q, one.id)
    event('give-back', one.q, one.id)
    wake(one.q)
    back = back + 1
  end
end
return back
