import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { isOutage } from '../redis/outage.js';

/**
 * What becomes of a rejection that nobody waits for any more. That Redis is away, and a command somewhere
 * was given up, is told and no reason to end: whoever needs Redis asks again. Anything else is a defect of
 * which nobody knows what it left half done, so the process ends and is started anew.
 */
export const onStray =
  (log: Pick<Log, 'error'>, end: () => void) =>
  (reason: unknown): void => {
    const stack = reason instanceof Error ? reason.stack : undefined;
    if (isOutage(reason)) {
      log.error({ error: messageOf(reason), stack }, 'a command to Redis was given up');
      return;
    }
    log.error(
      { error: messageOf(reason), stack },
      'something broke that nobody waited for: the process ends',
    );
    end();
  };
