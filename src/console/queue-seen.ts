import { statusAsSeen } from '../accounts/as-seen.js';
import type { Caller } from '../accounts/caller.js';
import { NotFound } from '../errors.js';
import type { Endpoint } from '../queues/registry.js';
import type { QueueStatus } from '../queues/status.js';
import type { ConsoleServices } from './services.js';

/** A queue that the caller sees, as it is now. @throws NotFound */
export async function queueSeen(
  caller: Caller,
  name: string,
  { registry, status, standing }: Pick<ConsoleServices, 'registry' | 'status' | 'standing'>,
): Promise<{ status: QueueStatus; endpoint: Endpoint | null }> {
  const [endpoint = null] = await registry.getMany([name]);
  const here = caller.seesQueue(name, endpoint) ? await status([name]) : [];
  const [found] = await statusAsSeen(caller, here, standing);
  if (!found) throw new NotFound(`there is no queue ${name}`);
  return { status: found, endpoint };
}
