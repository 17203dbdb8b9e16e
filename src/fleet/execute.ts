import type { Claimed, Deliveries } from '../blocking/deliveries.js';
import type { HoldPolicy } from '../config/schema.js';
import type { Failure, Outcome } from '../connectors/connector.js';
import { InvalidInput, messageOf } from '../errors.js';
import { type Catalogue, type CatalogueEntry, describe } from '../instructions/catalogue.js';
import { dataSchemas } from '../instructions/data.js';
import { entityOf, titleOf } from '../instructions/entity.js';
import type { Endpoint, EndpointKind } from '../queues/registry.js';
import { gate, type Postponed } from './gate.js';
import type { Station, Stations } from './stations.js';

/** What an attempt needs besides the item. */
export interface Workshop {
  readonly catalogue: Catalogue;
  readonly deliveries: Deliveries;
  readonly hold: HoldPolicy;
  /** For one run over a queue. */
  stations(): Stations;
  log(claim: Claimed, line: string): void;
}

/** An attempt and what it was made with; `endpoint` is null when there was none to ask. */
export interface Attempt {
  readonly outcome: Outcome | Postponed;
  readonly endpoint: Endpoint | null;
  /** The far side of an item on hold answered a ping just before. */
  readonly pinged?: boolean;
}

/**
 * One attempt, as a chain of short steps: known instruction? whose is it? is the data whole? may it
 * go out now? deliver.
 * Whatever a step refuses is a failure for a person. Throws only the reason of `signal`.
 */
export async function execute(
  claim: Claimed,
  workshop: Workshop,
  stations: Stations,
  signal: AbortSignal,
): Promise<Attempt> {
  const { item } = claim;
  const entry = workshop.catalogue.get(item.instruction);
  if (!entry) return refuse(`there is no instruction "${item.instruction}" in the catalogue`);
  const station = await stationOf(entry, claim, stations);
  if (!station) return refuse(missing(entry, claim));
  const { endpoint } = station;
  if (!item.adopted) await adopt(entry, claim, endpoint, workshop.deliveries);
  const wrong = faultsOf(entry, item.data);
  if (wrong) return refuse(wrong, endpoint);
  const passed = await gate(claim, station, workshop.deliveries, workshop.hold, signal);
  if ('kind' in passed) return { endpoint, outcome: passed };
  const outcome = await deliver(entry, claim, station, workshop, signal);
  return { endpoint, outcome, pinged: passed.pinged };
}

function refuse(message: string, endpoint: Endpoint | null = null): Attempt {
  return { endpoint, outcome: { kind: 'fail', failure: { message, cause: 'data' } } };
}

async function stationOf(
  entry: CatalogueEntry,
  { item }: Claimed,
  stations: Stations,
): Promise<Station | null> {
  const kind: EndpointKind = entry.target ?? 'service';
  const id = kind === 'service' ? entry.service : kind === 'channel' ? item.channel : item.source;
  return id ? stations.find(kind, id) : null;
}

function missing(entry: CatalogueEntry, { item }: Claimed): string {
  const what =
    entry.target === 'channel'
      ? `channel ${item.channel ?? '(none given)'}`
      : entry.target === 'source'
        ? `source ${item.source ?? '(none given)'}`
        : `service ${entry.service}`;
  return `${what} is not registered: put it, then retry`;
}

/** Items of plain BullMQ producers come without title, entity and client. */
async function adopt(
  entry: CatalogueEntry,
  { item }: Claimed,
  endpoint: Endpoint,
  deliveries: Deliveries,
): Promise<void> {
  const entity = entityOf(entry, item.data);
  await deliveries.adopt(item, {
    title: titleOf(entity, item.data),
    entity,
    barrier: entry.barrier,
    client: endpoint.client,
  });
}

function faultsOf(entry: CatalogueEntry, data: unknown): string | null {
  const checked = dataSchemas[entry.data].safeParse(data);
  if (checked.success) return null;
  return checked.error.issues
    .map((issue) => `data.${issue.path.map(String).join('.')}: ${issue.message}`)
    .join('; ');
}

async function deliver(
  entry: CatalogueEntry,
  claim: Claimed,
  station: Station,
  workshop: Workshop,
  signal: AbortSignal,
): Promise<Outcome> {
  const { item, fence } = claim;
  const { endpoint } = station;
  try {
    const connector = await station.connector();
    return await connector.deliver({
      queueId: item.queueId,
      instruction: item.instruction,
      entry,
      description: describe(entry, namesOf(endpoint)),
      mode: item.mode,
      client: item.client ?? endpoint.client,
      source: item.source,
      channel: item.channel,
      entity: item.entity ?? entityOf(entry, item.data),
      attempt: item.attempts,
      fence,
      enqueuedAt: item.enqueuedAt,
      data: item.data,
      parts: [],
      signal,
      log: (line) => workshop.log(claim, line),
      progress: () => {},
      report: async () => {},
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return { kind: 'fail', failure: failureOf(error) };
  }
}

function namesOf(endpoint: Endpoint): { channel?: string; source?: string } {
  return endpoint.kind === 'channel'
    ? { channel: endpoint.description }
    : { source: endpoint.description };
}

/** A connector that throws has a defect or was set up wrongly: a person must look. */
function failureOf(error: unknown): Failure {
  if (error instanceof InvalidInput) return { message: error.message, cause: 'data' };
  return { message: `the connector broke: ${messageOf(error)}`, cause: 'bug' };
}
