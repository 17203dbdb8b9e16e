-- One more start at an endpoint with a rate limit, when there is room for it. In no span of the period
-- do more than `max` start, whichever processes and queues they come from.
--   KEYS[1] shard prefix
--   ARGV[1] endpoint   ARGV[2] max   ARGV[3] period in ms
--   ARGV[4] '1' when others may wait beside it: then each is told a turn of its own
-- Returns 0 when it may start now, which is written down, or after how many ms to ask again.
local starts, turns = rateKey(ARGV[1]), rateTurnKey(ARGV[1])
local max, period = tonumber(ARGV[2]), tonumber(ARGV[3])

rcall('LTRIM', starts, 0, max - 1)
-- Redis's clock was set back: what has started at a time to come has started now.
if tonumber(rcall('LINDEX', starts, 0) or 0) > now then
  local count = rcall('LLEN', starts)
  rcall('DEL', starts, turns)
  for _ = 1, count do rcall('LPUSH', starts, now) end
  rcall('PEXPIRE', starts, period)
end
local room = 0
if rcall('LLEN', starts) == max then room = tonumber(rcall('LINDEX', starts, -1)) + period end
if room <= now then
  rcall('LPUSH', starts, now)
  rcall('PEXPIRE', starts, period)
  return 0
end
if ARGV[4] ~= '1' then return room - now end
-- Thousands that wait side by side would otherwise all come back at once, again and again.
local turn = math.max(room, tonumber(rcall('GET', turns) or 0) + period / max)
rcall('SET', turns, string.format('%.3f', turn), 'PX', math.ceil(turn - now + period))
return math.ceil(turn - now)
