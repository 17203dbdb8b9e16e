-- A person stops the whole fleet: from this step on nothing of this shard starts. What runs is finished,
-- enqueues are taken, blocks and pauses of queues stay what they are.
--   KEYS[1] shard prefix
--   ARGV[1] actor   ARGV[2] reason   ARGV[3] '1' to write the audit line, which one shard does
-- Returns {'ok'}, or {'paused'} when it was.
--@include facts
--@include record

if rcall('HSETNX', shard.fleetPause, 'at', now) == 0 then return { 'paused' } end
rcall('HSET', shard.fleetPause, 'by', ARGV[1], 'reason', ARGV[2])
if ARGV[3] == '1' then record('pause-fleet', line(''), '', ARGV[1], { reason = ARGV[2] }) end
return { 'ok' }
