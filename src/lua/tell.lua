-- What the alerter decided is written down in one step, and only while it is its turn.
--   KEYS[1] prefix of the alerts
--   ARGV[1] token of the lease   ARGV[2] closed incidents to keep   then triples: what, which, value
--     incident   id      JSON           what it is now, while it is open
--     close      id      JSON           it is over, and everybody was told
--     trouble    queue id   JSON        an item that is part of an open incident
--     settle     queue id   ''          that item was dealt with
--     mail       key     JSON           to be enqueued under this idempotency key
--     sent       key     queue id       it was
--     cursor     queue      time        up to when its successes were told
--     success    address    JSON or ''  successes that a mail to that one will tell of
--     notice     name    JSON or ''     what people should know of the alerts themselves
-- Returns 1, or 0 with nothing changed when another holds the lease.
if rcall('GET', alerts.lease) ~= ARGV[1] then return 0 end
local write = {}
function write.incident(id, value)
  rcall('HSET', alerts.incidents, id, value)
  rcall('ZADD', alerts.open, 'NX', now, id)
end
function write.close(id, value)
  rcall('HSET', alerts.incidents, id, value)
  rcall('ZREM', alerts.open, id)
  rcall('ZADD', alerts.closed, now, id)
  local excess = rcall('ZCARD', alerts.closed) - tonumber(ARGV[2])
  for n = 1, excess do
    local oldest = rcall('ZPOPMIN', alerts.closed)[1]
    rcall('HDEL', alerts.incidents, oldest)
    rcall('HDEL', alerts.claims, oldest)
  end
end
function write.trouble(id, value) rcall('HSET', alerts.troubles, id, value) end
function write.settle(id) rcall('HDEL', alerts.troubles, id) end
function write.mail(key, value) rcall('HSET', alerts.outbox, key, value) end
function write.sent(key, id)
  rcall('HDEL', alerts.outbox, key)
  rcall('ZADD', alerts.mailIds, now, id)
end
function write.cursor(queue, at) rcall('HSET', alerts.cursors, queue, at) end
function write.success(address, value)
  if value == '' then rcall('HDEL', alerts.successes, address) else rcall('HSET', alerts.successes, address, value) end
end
function write.notice(name, value)
  if value == '' then rcall('HDEL', alerts.notices, name) else rcall('HSET', alerts.notices, name, value) end
end
for n = 3, #ARGV, 3 do write[ARGV[n]](ARGV[n + 1], ARGV[n + 2]) end
return 1
