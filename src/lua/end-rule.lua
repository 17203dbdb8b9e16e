-- A person ends the rule that a client's items of an entity are skipped until its next add. What was skipped
-- stays so.
--   KEYS[1] shard prefix
--   ARGV[1] queue   ARGV[2] entity ('kind:key')   ARGV[3] actor   ARGV[4] reason
--   ARGV[5] where the rule stands (`Keys.ruleOf`)
-- Returns {'ok'}, or {'none'} when there is no such rule.
--@include record

local q = line(ARGV[1])
if rcall('HDEL', rulesKey(q.name), ARGV[5]) == 0 then return { 'none' } end
record('end-rule', q, '', ARGV[3], { entity = ARGV[2], reason = ARGV[4] })
return { 'ok' }
