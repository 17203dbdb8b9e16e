/** Replies with which a Redis says that it cannot take the command now. */
const notNow =
  /^(LOADING|READONLY|OOM|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|BUSY|MISCONF|MOVED|ASK)\b/;

/** Errors with which the client says that it has no answer. */
const noAnswer =
  /Connection is closed|no answer to WAIT|Cluster isn't ready|Too many Cluster redirections|Stream isn't writeable|Command timed out|max retries per request|Socket timeout|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH/i;

/** Whether an error means "Redis cannot be asked now" rather than "we asked wrongly". */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError') return notNow.test(error.message);
  return error.name === 'MaxRetriesPerRequestError' || noAnswer.test(error.message);
}
