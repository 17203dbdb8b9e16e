import type { Caller } from '../accounts/caller.js';
import type { AuditLine } from '../queues/audit.js';
import type { Endpoint } from '../queues/registry.js';
import { PARALLEL, type QueueName } from '../redis/keys.js';
import type { ConsoleServices } from './services.js';

/** What somebody looks for in the audit; all that is given must fit. */
export interface AuditFilter {
  /** Part of the actor's name, capitals or not. */
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly queueId?: number | undefined;
  readonly client?: string | undefined;
}

/** Lets through what fits and what the caller may see: of other clients, and of settings, nothing to those who see some. */
export function sieve(
  filter: AuditFilter,
  caller: Caller,
  { registry, finder }: Pick<ConsoleServices, 'registry' | 'finder'>,
): (lines: readonly AuditLine[]) => Promise<readonly AuditLine[]> {
  const actor = filter.actor?.toLowerCase();
  const byClient = filter.client !== undefined || !caller.unlimited;
  return async (lines) => {
    const fitting = lines.filter(
      (line) =>
        (actor === undefined || line.actor.toLowerCase().includes(actor)) &&
        (filter.action === undefined || line.action === filter.action) &&
        (filter.queueId === undefined || line.queueId === filter.queueId),
    );
    if (!byClient) return fitting;
    const clients = await clientsOf(fitting, registry, finder);
    return fitting.filter((_, n) => {
      const client = clients[n] ?? null;
      if (filter.client !== undefined && client !== filter.client) return false;
      return caller.unlimited || (client !== null && caller.seesClient(client));
    });
  };
}

/**
 * Whose each line is: what the line says of itself, else its item's, else its channel's or source's as far back as
 * that is one client's; null when nobody's. So a line stays that one's, also when its channel is another's by now.
 */
async function clientsOf(
  lines: readonly AuditLine[],
  registry: ConsoleServices['registry'],
  finder: ConsoleServices['finder'],
): Promise<(string | null)[]> {
  const endpoints = await registry.getMany(lines.map((line) => placeOf(line) ?? ''));
  const about = new Map<string, [queue: QueueName, queueId: number]>();
  for (const { queue, queueId } of lines)
    if (queue !== null && queueId !== null) about.set(`${queue} ${queueId}`, [queue, queueId]);
  const items = await finder.items([...about.values()]);
  const byItem = new Map(items.map((item) => [`${item.queue} ${item.queueId}`, item.client]));
  return lines.map((line, n) => {
    if ('client' in line) return typeof line['client'] === 'string' ? line['client'] : null;
    const ofItem = byItem.get(`${line.queue} ${line.queueId}`) ?? null;
    return ofItem ?? (line.queue === PARALLEL ? null : clientAt(endpoints[n], line.at));
  });
}

const clientAt = (endpoint: Endpoint | null | undefined, at: string): string | null =>
  endpoint && Date.parse(at) >= (endpoint.clientSince ?? 0) ? endpoint.client : null;

/** The channel or source that a line is about; settings of one name it themselves. */
function placeOf(line: AuditLine): string | null {
  const endpoint = line['endpoint'];
  return line.queue ?? (typeof endpoint === 'string' ? endpoint : null);
}
