/** Replies with which a Redis says that it cannot take the command now, and what to do about it. */
const refusals: Readonly<Record<string, string>> = {
  LOADING: 'Redis is still reading its data: wait until it is through',
  BUSY: 'a script of somebody else keeps Redis busy: wait for its end, or end it (SCRIPT KILL)',
  MISCONF: 'Redis cannot write to its disk and so takes no writes: look at its log and its disk',
  OOM: 'Redis is full: give it more memory (maxmemory)',
  READONLY: 'this Redis has become a replica: wait for the failover, or look at REDIS_URL',
  NOAUTH: 'Redis does not take our password any more: look at REDIS_URL',
  WRONGPASS: 'Redis does not take our password any more: look at REDIS_URL',
  NOREPLICAS: 'Redis has fewer replicas than it wants for writing (min-replicas-to-write)',
  MASTERDOWN: 'Redis has lost its master: wait for the failover',
  CLUSTERDOWN: 'the Redis Cluster is not whole: look at its nodes',
  TRYAGAIN: 'a slot of the Redis Cluster is moving: wait a moment',
  MOVED: 'a slot of the Redis Cluster has moved: wait a moment',
  ASK: 'a slot of the Redis Cluster is moving: wait a moment',
};

/** Before Redis 7 a refusal inside a script came with the script's own words before it. */
const code = /^(?:ERR Error running script .*-)?([A-Z]+)\b/;

/** Errors with which the client says that it has no answer. */
const noAnswer =
  /Connection is closed|no answer to WAIT|Cluster isn't ready|Too many Cluster redirections|Stream isn't writeable|Command timed out|max retries per request|Socket timeout|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH/i;

/** What a refusal by Redis itself means; null for anything else. */
function refusal(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return null;
  return refusals[code.exec(error.message)?.[1] ?? ''] ?? null;
}

/** Whether an error means "Redis cannot be asked now" rather than "we asked wrongly". */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError')
    return refusal(error) !== null || /^ERR max number of clients/.test(error.message);
  return error.name === 'MaxRetriesPerRequestError' || noAnswer.test(error.message);
}

/** What is the matter with Redis, in a sentence that says what to do. */
export const troubleOf = (outage: unknown): string =>
  refusal(outage) ?? 'Redis cannot be reached: the log of this process says why';
