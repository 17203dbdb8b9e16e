-- How an attempt that failed went, for the item's history: which one, how long it took in ms, what was answered.
-- One that succeeds leaves no line: what there is to say stands in the item already.
local function attempt(q, id, token, failure)
  local f = rcall('HMGET', q.base .. id, 'ats', 'processedOn')
  return {
    reason = failure.message, cause = failure.cause, status = failure.status, request = failure.request,
    attempt = tonumber(f[1] or 0), ms = f[2] and now - tonumber(f[2]) or nil, fence = token:match('#(%d+)$'),
  }
end
