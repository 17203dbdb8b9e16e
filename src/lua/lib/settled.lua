-- A settling whose reply was lost is sent again: then it was this very delivery that settled the item,
-- which is success (1), and the item that was taken with it is told again. Anything else is a lost lock.
local function refusal(q, id, lock, code)
  if rcall('HGET', q.base .. id, 'settledBy') ~= lock then return { code } end
  local following = q.blocking and rcall('LINDEX', q.active, -1)
  local held = following and rcall('GET', q.base .. following .. ':lock')
  if held and held:match('^[^#]+') == lock:match('^[^#]+') then
    return { 1, { q.name, following, held, rcall('HGETALL', q.base .. following) } }
  end
  return { 1 }
end
