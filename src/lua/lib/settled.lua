-- A settling whose reply was lost is sent again: then it was this very delivery that settled the item,
-- which is success (1), and the item that was taken with it is told again, under a whole lock. Anything else
-- is a lost lock.
-- lockMs: for the item that was taken with it; nil where none is
local function refusal(q, id, lock, code, lockMs)
  if rcall('HGET', q.base .. id, 'settledBy') ~= lock then return { code } end
  if not lockMs then return { 1 } end
  for _, following in ipairs(rcall('LRANGE', q.active, 0, -1)) do
    local held = rcall('GET', q.base .. following .. ':lock')
    if held and held:match('^(.+)#') == lock:match('^(.+)#') then
      rcall('PEXPIRE', q.base .. following .. ':lock', lockMs)
      rcall('ZADD', shard.inflight, now + lockMs, q.name .. ' ' .. following)
      return { 1, { q.name, following, held, rcall('HGETALL', q.base .. following) } }
    end
  end
  return { 1 }
end
