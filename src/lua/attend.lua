-- Who claimed or snoozed an incident, changed only when it is still what was read before.
--   KEYS[1] prefix of the alerts
--   ARGV[1] incident   ARGV[2] what was read, JSON or ''   ARGV[3] what it becomes, JSON or ''
-- Returns 1, or 0 with nothing changed.
if (rcall('HGET', alerts.claims, ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  rcall('HDEL', alerts.claims, ARGV[1])
else
  rcall('HSET', alerts.claims, ARGV[1], ARGV[3])
end
return 1
