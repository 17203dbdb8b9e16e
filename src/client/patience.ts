import { ApiProblem, NotAndon, Unreachable } from './problem.js';

/** How often a request is sent again, and when. */
export interface Patience {
  /** Tries, the first included. */
  readonly tries: number;
  /** Wait after the first; doubles each time, and is shortened by chance so that many do not come at once. Milliseconds. */
  readonly firstDelayMs: number;
  /** No wait is longer; when the API asks for more (`Retry-After`), the error is thrown at once. Milliseconds. */
  readonly maxDelayMs: number;
  /** Told before each wait. */
  readonly onRetry?: ((error: ApiProblem | Unreachable, waitMs: number) => void) | undefined;
}

/** About 8 seconds in all. */
export const standardPatience: Patience = { tries: 5, firstDelayMs: 500, maxDelayMs: 30_000 };

/**
 * Sends again what may be sent again. `harmless`: it makes no difference whether the request arrives
 * once or twice, because it changes nothing or bears an idempotency key. Anything else is repeated only
 * when it certainly was not carried out.
 * @throws the last error, or the reason of the signal
 */
export async function patiently<T>(
  send: () => Promise<T>,
  harmless: boolean,
  { tries, firstDelayMs, maxDelayMs, onRetry }: Patience,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (attempt >= tries || !passes(error, harmless)) throw error;
      const asked = error instanceof ApiProblem ? error.retryAfter : undefined;
      if (asked !== undefined && asked * 1_000 > maxDelayMs) throw error;
      const backOff = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs);
      const waitMs = asked === undefined ? backOff * (0.5 + Math.random() / 2) : asked * 1_000;
      onRetry?.(error, waitMs);
      await sleep(waitMs, signal);
    }
  }
}

/** Whether it may work later, and may be tried. */
function passes(error: unknown, harmless: boolean): error is ApiProblem | Unreachable {
  if (error instanceof NotAndon) return false;
  if (error instanceof Unreachable) return harmless || error.sent === 'no';
  // 429 is said before anything is done; behind the others may stand a write that was carried out.
  if (error instanceof ApiProblem)
    return error.status === 429 || (harmless && [502, 503, 504].includes(error.status));
  return false;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
