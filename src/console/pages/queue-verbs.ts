import { z } from 'zod';
import { SOMEBODY_ELSES } from '../../accounts/as-seen.js';
import { PARALLEL } from '../../redis/keys.js';
import { localPath } from '../local-path.js';
import { action, type ConsoleRoute, optionalText, type Visit } from '../page.js';
import { queueSeen } from '../queue-seen.js';
import type { ConsoleServices } from '../services.js';

const named = z.object({ name: z.string().max(100) });
const reasoned = z.object({ reason: optionalText(500) });

/** What a person does with a queue: stop it, let it go on, empty it. */
export const queueVerbs = (services: ConsoleServices): ConsoleRoute[] => [
  action('/queues/:name/pause', {
    permission: 'operate',
    params: named,
    body: reasoned,
    run: async (visit) => {
      const { name } = visit.params;
      await queueSeen(visit.caller, name, services);
      await services.transitions.pause(name, visit.caller.actor, visit.body.reason);
      return { to: whence(visit, `/queues/${name}`), say: `${name} is paused.` };
    },
  }),
  action('/queues/:name/resume', {
    permission: 'operate',
    params: named,
    run: async (visit) => {
      const { name } = visit.params;
      await queueSeen(visit.caller, name, services);
      await services.transitions.resume(name, visit.caller.actor);
      const { status } = await queueSeen(visit.caller, name, services);
      const { blocked, blockedBy } = status;
      const by = blockedBy ? `item ${blockedBy.queueId}` : SOMEBODY_ELSES;
      const still = blocked ? ` It is still blocked by ${by}.` : '';
      return {
        to: whence(visit, `/queues/${name}`),
        say: `${name} is not paused any more.${still}`,
      };
    },
  }),
  action('/queues/:name/clear', {
    permission: 'admin',
    params: named,
    body: z.object({ reason: z.string().trim().min(1).max(500) }),
    run: async (visit) => {
      const { name } = visit.params;
      const { status } = await queueSeen(visit.caller, name, services);
      const { waiting, backingOff } = status.counts;
      // What comes from now on stays. A blocking queue's head waits for its next try in the queue itself.
      const most = name === PARALLEL ? waiting : waiting + backingOff;
      const { reason } = visit.body;
      const skipped = await services.transitions.clear(name, visit.caller.actor, reason, most);
      const count = skipped === 1 ? '1 item was' : `${skipped.toLocaleString('en')} items were`;
      return { to: whence(visit, `/queues/${name}`), say: `${count} skipped in ${name}.` };
    },
  }),
];

/** Back to the page that the form was on. */
function whence(visit: Visit<unknown, unknown, unknown>, otherwise: string): string {
  const from = visit.request.get('referer');
  if (!from || !URL.canParse(from)) return otherwise;
  const { pathname, search } = new URL(from);
  return localPath(pathname + search);
}
