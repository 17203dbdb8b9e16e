-- The fleet goes on: whoever is idle looks at once. It lifts no block, hold or pause of a queue.
--   KEYS[1] shard prefix
--   ARGV[1] actor   ARGV[2] '1' to write the audit line, which one shard does
-- Returns {'ok'}, or {'running'} when it was not paused.
--@include facts
--@include record

if rcall('DEL', shard.fleetPause) == 0 then return { 'running' } end
for _, kind in ipairs({ { shard.readyBlocking, shard.wakeBlocking }, { shard.readyParallel, shard.wakeParallel } }) do
  if rcall('ZCARD', kind[1]) > 0 then rcall('ZADD', kind[2], 0, '1') end
end
if ARGV[2] == '1' then record('resume-fleet', line(''), '', ARGV[1]) end
return { 'ok' }
