-- Puts right which ids stand in the ordered list of all, after a process of an older Andon has written, or a migration.
--   KEYS[1] shard prefix
--   ARGV    queue ids to look at
-- Returns how many more items there are than ids in the list, 0 when it is right.
for n = 1, #ARGV do
  if rcall('HEXISTS', shard.items, ARGV[n]) == 1 then
    rcall('ZADD', shard.ids, ARGV[n], ARGV[n])
  else
    rcall('ZREM', shard.ids, ARGV[n])
  end
end
return rcall('HLEN', shard.items) - rcall('ZCARD', shard.ids)
