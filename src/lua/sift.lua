-- Items whose error, title or instruction contains a text; reads only the fields that it compares.
-- Changes nothing.
--   KEYS[1] shard prefix
--   ARGV[1] 'failed': errors and instructions of failed items, newest first; 'newest': titles and instructions of the
--           items that came last   ARGV[2] text, ASCII letters small
--   ARGV[3] how many to pass over   ARGV[4] how many to look at
-- Returns {how many were looked at, 0 at the end, then queue ids of those that contain it}.

local text, from, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local found = { 0 }

local function contains(fields)
  for _, field in ipairs(fields) do
    if field and string.lower(field):find(text, 1, true) then return true end
  end
  return false
end

if ARGV[1] == 'failed' then
  local ids = rcall('ZRANGE', shard.failed, from, from + count - 1, 'REV')
  found[1] = #ids
  for _, id in ipairs(ids) do
    local queue = rcall('HGET', shard.items, id)
    local fields = queue and rcall('HMGET', line(queue).base .. id, 'failedReason', 'name') or {}
    if contains({ fields[1] or '', fields[2] or '' }) then found[#found + 1] = id end
  end
  return found
end

-- Ids of plain BullMQ producers are larger than any of ours, however old.
local ids = rcall('ZRANGE', shard.ids, '(' .. FOREIGN_IDS, 0, 'BYSCORE', 'REV', 'LIMIT', from, count)
found[1] = #ids
for _, id in ipairs(ids) do
  local queue = rcall('HGET', shard.items, id)
  local fields = queue and rcall('HMGET', line(queue).base .. id, 'title', 'name') or {}
  if contains({ fields[1] or '', fields[2] or '' }) then found[#found + 1] = id end
end
return found
