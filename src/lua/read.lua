-- Items as they are now. Changes nothing.
--   KEYS[1] shard prefix
--   ARGV[1] '1' to find out the position too (walks the queue)   then pairs: queue, queue id
-- Returns per item {state, position or -1, fields}; state 'gone' when there is no such item.
--@include state

local items = {}
for n = 2, #ARGV, 2 do
  local q, id = line(ARGV[n]), ARGV[n + 1]
  local state, position = stateOf(q, id), -1
  if state == 'failed' or state == 'active' then position = 0 end
  if ARGV[1] == '1' and (state == 'waiting' or state == 'backing-off') then
    local place = rcall('LPOS', q.wait, id, 'RANK', -1)
    if place then
      position = rcall('LLEN', q.wait) - 1 - place + rcall('LLEN', q.active)
        + rcall('HEXISTS', q.facts, 'blockedBy')
    end
  end
  items[#items + 1] = { state, position, rcall('HGETALL', q.base .. id) }
end
return items
