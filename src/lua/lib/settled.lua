-- A settling whose reply was lost is sent again: then it was this very delivery that settled the item,
-- which is success (1) and no lost lock.
local function refusal(q, id, token, code)
  if rcall('HGET', q.base .. id, 'settledBy') == token then return { 1 } end
  return { code }
end
