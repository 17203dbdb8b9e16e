-- The far side of a head on hold is asked whether it is back. The worker has the head under a lock
-- meanwhile, but nothing of it was sent: it still counts as waiting, and a person may deal with it.
local function isAsked(q, id)
  local by = rcall('HGET', q.base .. id, 'asking')
  return by and by == rcall('GET', q.base .. id .. ':lock')
end

-- The claim ended while the far side was asked: no attempt, and no death of the item's making.
-- Returns whether it was so.
local function unask(q, id)
  if rcall('HDEL', q.base .. id, 'asking') == 0 then return false end
  rcall('HINCRBY', q.base .. id, 'ats', -1)
  return true
end
