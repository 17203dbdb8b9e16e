/** A defect that is put into a copy of the product on purpose, and what must notice it. */
export interface SeededBug {
  readonly name: string;
  /** The trap of BullMQ that it walks into, where it is one. */
  readonly trap?: string;
  readonly edits: readonly Edit[];
  /** What must catch it, the quickest first. */
  readonly caughtBy: readonly Proof[];
}

/**
 * A tool and the failure that it must show; that it fails in some other way is no proof.
 * `model` must find a script. `campaign: rule rule` runs a short one with a seed of its own, of whose
 * rules one must be broken. Of a test file the named test must be red, by an assertion.
 */
export type Proof = 'model' | `campaign: ${string}` | `test/${string}.test.ts › ${string}`;

/** `find` stands exactly once in the file. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const lua = (name: string, find: string, put: string): Edit => ({
  file: `src/lua/${name}.lua`,
  find,
  put,
});
const ts = (name: string, find: string, put: string): Edit => ({
  file: `src/${name}.ts`,
  find,
  put,
});

const BLOCKED = "    rcall('HSET', q.facts, 'blockedBy', id, 'blockedAt', now)\n    mirror(q)";
const TO_TAIL = "rcall('LPUSH', q.wait, id)";

export const seededBugs: readonly SeededBug[] = [
  {
    name: 'a failure does not stop its queue',
    trap: 'let a job fail with concurrency 1: the next ones run',
    edits: [lua('lib/block', BLOCKED, '    mirror(q)')],
    caughtBy: ['model', 'campaign: block'],
  },
  {
    name: 'the block is written after the next item was taken',
    trap: 'queue.pause() in the failed listener',
    edits: [
      lua('lib/block', BLOCKED, '    mirror(q)'),
      lua(
        'fail',
        'if not following then wake(q) end',
        "if q.blocking then\n  rcall('HSET', q.facts, 'blockedBy', ARGV[2], 'blockedAt', now)\n  mirror(q)\nend\nif not following then wake(q) end",
      ),
    ],
    caughtBy: ['model', 'campaign: block'],
  },
  {
    name: 'the block is written before the failure, and stays when that is refused',
    trap: 'pause inside the processor, then throw',
    edits: [
      lua(
        'lib/block',
        '  local code = finish(q, id, token,',
        "  if q.blocking then rcall('HSET', q.facts, 'blockedBy', id, 'blockedAt', now) end\n  local code = finish(q, id, token,",
      ),
    ],
    caughtBy: ['model', 'campaign: drain accounted'],
  },
  {
    name: 'a retry goes to the tail',
    trap: 'job.retry()',
    edits: [lua('retry', 'toHead(q, id)', TO_TAIL)],
    caughtBy: ['model', 'campaign: block order'],
  },
  {
    name: 'an automatic retry goes to the tail',
    trap: 'attempts: 3',
    edits: [lua('hold', '  toHead(q, id)', `  ${TO_TAIL}`)],
    caughtBy: ['model', 'campaign: block order'],
  },
  {
    name: 'an item that keeps killing workers fails and blocks nothing',
    trap: 'a job that stalls more often than maxStalledCount',
    edits: [
      lua(
        'lib/block',
        '  if q.blocking then\n    rcall',
        "  if q.blocking and token ~= '0' then\n    rcall",
      ),
    ],
    caughtBy: [
      'model',
      'test/promises/processes.test.ts › an item that keeps killing its worker blocks after 3 deaths',
    ],
  },
  {
    name: 'the item of a dead worker goes to the tail',
    edits: [lua('tend', '  toHead(q, id)', `  ${TO_TAIL}`)],
    caughtBy: ['model', 'campaign: block order'],
  },
  {
    name: 'two items of a queue at once',
    trap: 'concurrency: 1 in two processes',
    edits: [
      lua(
        'lib/take',
        "rcall('HSETNX', q.meta, 'concurrency', 1)",
        "rcall('HSET', q.meta, 'concurrency', 9)",
      ),
      lua('lib/facts', '(f[1] or f[3]) and 0 or 1', '(f[1] or f[3]) and 0 or 9'),
      lua('lib/facts', "  if q.blocking and rcall('LLEN', q.active) > 0 then return 0 end\n", ''),
    ],
    caughtBy: ['model', 'campaign: overlap order'],
  },
  {
    name: 'a delivery is settled without asking for its lock',
    trap: 'a lost lock',
    edits: [lua('lib/finish', 'token = token,', "token = '0',")],
    caughtBy: ['model', 'campaign: fence accounted again'],
  },
  {
    name: 'an item is given up or held without asking for its lock',
    edits: [lua('lib/letgo', "  if rcall('GET', lock) ~= token then return -2 end\n", '')],
    caughtBy: ['model', 'campaign: fence accounted again overlap'],
  },
  {
    name: 'a delivery goes on after its lock was lost',
    trap: 'a lost lock: nobody tells the processor',
    edits: [ts('fleet/lock-keeper', 'kept.abort.abort(new LockLost(queueId));', 'void queueId;')],
    caughtBy: [
      'test/promises/p2-one-at-a-time.test.ts › aborts a delivery whose lock is lost',
      'test/promises/processes.test.ts › a worker that slept longer than its lock wakes up',
    ],
  },
  {
    name: 'locks are never renewed',
    trap: 'without run() nothing renews locks',
    edits: [ts('fleet/lock-keeper', 'before.map((kept) => kept.claim)', '[]')],
    caughtBy: [
      'test/promises/p2-one-at-a-time.test.ts › keeps the lock of a delivery that takes many times',
      'campaign: overlap again',
    ],
  },
  {
    name: 'a request that is sent again is queued again',
    trap: 'an enqueue whose reply is lost',
    edits: [
      lua(
        'enqueue',
        "  local before = key ~= '' and rcall('GET', idempotencyKey(key))\n  if before then\n    local answer",
        '  local before = false\n  if before then\n    local answer',
      ),
    ],
    caughtBy: ['model', 'campaign: invented'],
  },
  {
    name: 'an idempotency key is forgotten at once',
    trap: 'adding a jobId that exists: no idempotency once the job is gone',
    edits: [lua('enqueue', "'PX', window)", "'PX', 1)")],
    caughtBy: [
      'campaign: invented',
      'test/promises/p7-enqueue.test.ts › an Idempotency-Key makes one item of one request',
    ],
  },
  {
    name: 'retention takes failed items',
    trap: 'removeOnFail',
    edits: [
      lua(
        'lib/block',
        "  rcall('ZADD', shard.failed, now, id)\n",
        "  rcall('ZREM', q.failed, id)\n  rcall('DEL', q.base .. id)\n",
      ),
    ],
    caughtBy: ['model', 'campaign: accounted'],
  },
  {
    name: 'a resume lifts a block',
    trap: 'queue.resume() opens what a pause closed',
    edits: [
      lua(
        'resume',
        "'pausedAt', 'pausedBy', 'pauseReason')",
        "'pausedAt', 'pausedBy', 'pauseReason', 'blockedBy')",
      ),
    ],
    caughtBy: ['model', 'campaign: block'],
  },
  {
    name: 'a pause stops nothing',
    edits: [lua('pause', "'pausedAt', now, ", "'pausedAtt', now, ")],
    caughtBy: ['model', 'campaign: paused'],
  },
  {
    name: 'a skip leaves the queue blocked',
    edits: [lua('skip', 'lift(q, id)\nwake(q)\nreturn skipped', 'return skipped')],
    caughtBy: ['model', 'campaign: drain'],
  },
  {
    name: 'a fence does not grow',
    edits: [
      lua(
        'lib/take',
        "math.max(tonumber(rcall('GET', shard.fence) or 0) + 1, clock[1] * 1000000 + clock[2])",
        "tonumber(rcall('GET', shard.fence) or 1)",
      ),
    ],
    caughtBy: [
      'campaign: fence',
      'test/promises/p8-delivery.test.ts › sends the queue id, a growing attempt and a growing fence',
    ],
  },
  {
    name: 'every attempt has a key of its own',
    edits: [
      ts(
        'connectors/http',
        "'idempotency-key': id,",
        "'idempotency-key': id + String(delivery.attempt),",
      ),
    ],
    caughtBy: [
      'test/promises/p8-delivery.test.ts › sends the far side one key and a growing attempt',
      'campaign: key',
    ],
  },
  {
    name: 'the attempt number stands still',
    edits: [ts('connectors/http', 'String(delivery.attempt)', 'String(1)')],
    caughtBy: [
      'test/promises/p8-delivery.test.ts › sends the far side one key and a growing attempt',
      'campaign: key',
    ],
  },
  {
    name: 'a batch is queued in reverse',
    trap: 'Retry all reverses the order',
    edits: [
      lua(
        'enqueue',
        'for n = 1, count do\n  local key = field(n, 10)\n  local before',
        'for n = count, 1, -1 do\n  local key = field(n, 10)\n  local before',
      ),
    ],
    caughtBy: ['model', 'campaign: acceptance order'],
  },
  {
    name: 'what is refused by the far side is tried again by itself',
    edits: [
      ts(
        'fleet/settle',
        "    case 'fail':\n      return deliveries.fail(claim, outcome.failure, more, sent);",
        "    case 'fail':\n      return deliveries.backOff(claim, outcome.failure, 10, more, sent);",
      ),
    ],
    caughtBy: [
      'campaign: block',
      'test/promises/p3-block.test.ts › delivers in order, stops at the failed item',
    ],
  },
  {
    name: 'what a stopping worker hands back goes to the tail',
    edits: [lua('giveback', 'toHead(q, id)', TO_TAIL)],
    caughtBy: ['model', 'campaign: block order'],
  },
  {
    name: 'living workers lose their items',
    edits: [
      lua(
        'tend',
        "shard.inflight, '-inf', now, 'LIMIT', 0, 200",
        "shard.inflight, '-inf', now + 900000, 'LIMIT', 0, 200",
      ),
      lua('tend', '  if left > 0 then', '  if left > 900000 then'),
    ],
    caughtBy: ['model', 'campaign: overlap again'],
  },
  {
    name: 'a connection that carries nothing is never noticed',
    trap: 'half-open TCP connection',
    edits: [
      ts(
        'redis/connect',
        'fleet: { commandTimeout: 10_000, socketTimeout: 15_000 },',
        'fleet: {},',
      ),
      ts('redis/connect', 'blocking: { socketTimeout: 15_000 },', 'blocking: {},'),
    ],
    caughtBy: [
      'test/traps/half-open.test.ts › a half-open connection is never noticed',
      'campaign: drain',
    ],
  },
  {
    name: 'closing waits for a Redis that is away',
    trap: 'worker.close() while Redis is away',
    edits: [
      ts(
        'redis/connect',
        "await within(deadlineMs, redis.quit(), 'QUIT').catch(() => {});",
        'await redis.quit().catch(() => {});',
      ),
    ],
    caughtBy: ['test/promises/redis-connection.test.ts › closes within its deadline'],
  },
  {
    name: 'nobody is served past a blocked queue',
    edits: [
      lua('lib/facts', 'if stopped(q) or not hasWork(q) then', 'if not hasWork(q) then'),
      lua(
        'claim',
        '  until q.blocking or not item or #taken >= slots\n',
        "  until q.blocking or not item or #taken >= slots\n  if q.blocking and #taken == before then\n    rcall('ZADD', ready, 0, name)\n    break\n  end\n",
      ),
    ],
    caughtBy: [
      'test/promises/p6-neighbours.test.ts › serves 99 channels and the parallel queue while one of 100 is blocked',
      'campaign: neighbours',
    ],
  },
  {
    name: 'a mail that is refused for now is given up',
    edits: [
      ts(
        'connectors/email/answer',
        "if (status < 500) return { kind: 'retry', failure: { message, cause: 'throttled', status } };",
        "if (status < 500) return { kind: 'fail', failure: { message, cause: 'throttled', status } };",
      ),
      ts(
        'connectors/email/answer',
        'const mayChange = status === undefined || status < 500;',
        'const mayChange = status === undefined;',
      ),
    ],
    caughtBy: [
      'test/promises/alerts-smtp.test.ts › gets each mail in the end, and is asked for one of each',
    ],
  },
  {
    name: 'whoever takes over the alerts begins a new book',
    edits: [
      ts(
        'alerts/alerter',
        'new Book(await ledger.open(), await ledger.troubles())',
        'new Book([], [])',
      ),
    ],
    caughtBy: [
      'test/promises/alerts-crash.test.ts › at any step leaves one record and one mail for each stage',
      'campaign: told',
    ],
  },
  {
    name: 'what an item causes is lost on its way',
    edits: [
      ts(
        'queues/outbox',
        "return Number(await this.scripts.run('relay', shard, [CHUNK, FIELDS, replication]));",
        'return 0 * (await this.redis.del(this.keys.outbox(shard, shard))) * replication.length;',
      ),
    ],
    caughtBy: ['model', 'campaign: caused'],
  },
];
