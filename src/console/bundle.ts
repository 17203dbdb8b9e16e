import { createRequire } from 'node:module';
import { carrierName } from '../incidents/clusters.js';
import { redacted, redactedText } from '../queues/redact.js';
import { attemptsOf } from './attempts.js';
import type { SeenItem } from './item-seen.js';
import type { ConsoleServices } from './services.js';

const bullmq: string = createRequire(import.meta.url)('bullmq/package.json').version;

/** Everything that support asks for, in one file that may be sent on: secrets are masked. */
export async function bundleOf(
  services: ConsoleServices,
  { item, shown, name, status, endpoint, queueName }: SeenItem,
): Promise<Record<string, unknown>> {
  const logs = await services.finder.logs(item);
  const isOwn = item.mode === 'blocking';
  const carrier = carrierName(services.catalogue, item);
  const [by] = await services.registry.getMany([carrier]);
  return {
    queueId: item.queueId,
    item: name,
    entity: item.entity && `${item.entity.kind}:${item.entity.key}`,
    state: item.state,
    error: redacted(item.error),
    client: item.client,
    instruction: item.instruction,
    carriedOutBy: { name: carrier, connector: by?.connector.type ?? null },
    recordUrl: shown.recordUrl,
    traceId: shown.traceId,
    enqueuedAt: item.enqueuedAt,
    startedAt: item.startedAt,
    finishedAt: item.finishedAt,
    outcome: redacted(item.outcome),
    attempts: attemptsOf(item).map(redacted),
    parts: redacted(item.parts),
    progress: redacted(item.progress),
    log: logs.map(redactedText),
    history: redacted(item.history),
    data: redacted(item.data),
    // How many wait on the parallel queue concerns all clients.
    queue: isOwn
      ? { description: endpoint?.description ?? queueName, ...(redacted(status) as object) }
      : { name: item.queue, state: status.state },
    position: item.position,
    versions: { andon: services.version, bullmq, node: process.version },
    madeAt: new Date().toISOString(),
  };
}
