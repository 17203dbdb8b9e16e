import { pause } from '../lifecycle.js';
import { isOutage } from '../redis/outage.js';

/** Does it, and while Redis is away does it again, as long as the delivery may go on. */
export async function patiently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) throw error;
      await pause(200, signal);
    }
  }
}
