-- An entity is one of a client: order 1001 of one business is not that of another.
local function clientOf(q, id) return rcall('HGET', q.base .. id, 'client') or '' end

-- Where the rule of a client for an entity stands in the rules of a queue, as in `Keys.ruleOf`. A rule of an
-- older release stands under the entity alone, and is one of all clients.
local function ruleOf(client, entity) return client .. '\n' .. entity end
