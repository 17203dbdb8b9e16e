import type { Claimed, Deliveries } from '../blocking/deliveries.js';
import { examine } from '../config/faults.js';
import type { HoldPolicy } from '../config/schema.js';
import type { Connector, Delivery, Failure, Outcome } from '../connectors/connector.js';
import { crashPoint } from '../crash-points.js';
import { InvalidInput, messageOf } from '../errors.js';
import { type Catalogue, type CatalogueEntry, describe } from '../instructions/catalogue.js';
import { dataSchemas } from '../instructions/data.js';
import { entityOf, titleOf } from '../instructions/entity.js';
import type { Accepted } from '../queues/enqueue.js';
import { whoseElse } from '../queues/owner.js';
import type { Endpoint, EndpointKind, Registry } from '../queues/registry.js';
import { isOutage } from '../redis/outage.js';
import { inSpan } from '../traces.js';
import { checkFollowUps } from './follow-ups.js';
import { gate, type Postponed } from './gate.js';
import { type KeptLock, LockLost } from './lock-keeper.js';
import type { Notes } from './notes.js';
import { patiently } from './patience.js';
import type { Station, Stations } from './stations.js';
import { findOut, type IfUnknown, ifUnknown, nobodyKnows } from './unknown.js';

/** What an attempt needs besides the item. */
export interface Workshop {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly deliveries: Deliveries;
  readonly hold: HoldPolicy;
  /** For one run over a queue. */
  stations(): Stations;
  log(claim: Claimed, line: string): void;
  /** What a delivery tells while it runs. */
  notes(claim: Claimed, signal: AbortSignal): Notes;
}

/** An attempt and what it was made with; `endpoint` is null when there was none to ask. */
export interface Attempt {
  readonly outcome: Outcome | Postponed;
  readonly endpoint: Endpoint | null;
  /** The far side of an item on hold answered a ping just before. */
  readonly pinged?: boolean;
  /** What it causes, checked. */
  readonly followUps?: readonly Accepted[];
  /** What follows when the outcome is `unknown`. */
  readonly ifUnknown?: IfUnknown;
  /** Puts an unknown outcome into the words for a person who has to look. */
  readonly forPerson?: (failure: Failure) => Failure;
  /** Something was sent, so that the outcome says what became of it. */
  readonly sent?: boolean;
  /** What was asked of the far side: see `Connector.asks`. */
  readonly asked?: string;
  /** Not sent again: a look at the far side found it there. */
  readonly found?: boolean;
}

/**
 * One attempt, as a chain of short steps: known instruction? whose is it? is the data whole? may it
 * go out now? is it there already? deliver.
 * Whatever a step refuses is a failure for a person. Throws the reason of the lock's signal, `LockLost`, and whatever
 * kept it from being prepared, as when Redis is away.
 */
export async function execute(
  claim: Claimed,
  workshop: Workshop,
  stations: Stations,
  lock: KeptLock,
): Promise<Attempt> {
  const { item } = claim;
  const { signal } = lock;
  const entry = workshop.catalogue.get(item.instruction);
  if (!entry) return refuse(`there is no instruction "${item.instruction}" in the catalogue`);
  const station = await stationOf(entry, claim, stations);
  if (!station) return refuse(missing(entry, claim));
  const { endpoint } = station;
  const whose = whoseElse(item, endpoint);
  if (whose) return refuse(`${whose}. Skip or resolve it`, endpoint);
  if (!item.adopted) await adopt(entry, claim, endpoint, workshop.deliveries);
  const wrong = faultsOf(entry, item.data);
  if (wrong) return refuse(wrong, endpoint);
  const passed = await gate(claim, station, workshop.deliveries, workshop.hold, signal);
  if ('kind' in passed) return { endpoint, outcome: passed };
  const attempt = await deliver(entry, claim, station, workshop, lock);
  return {
    endpoint,
    pinged: passed.pinged,
    ...(await withFollowUps(attempt, claim, endpoint, workshop, signal)),
  };
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
  const checked = examine(dataSchemas[entry.data], data);
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
  lock: KeptLock,
): Promise<Omit<Attempt, 'endpoint'>> {
  const { item } = claim;
  const { endpoint } = station;
  const { signal } = lock;
  const delivery = deliveryOf(entry, claim, endpoint, workshop, signal);
  const forPerson = (failure: Failure) => nobodyKnows(failure, item, entry, endpoint);
  let connector: Connector;
  try {
    connector = await station.connector();
  } catch (error) {
    // Its secrets lie in Redis, and that Redis is away is no fault of the item's.
    if (isOutage(error)) throw error;
    return { outcome: { kind: 'fail', failure: failureOf(error) } };
  }
  const next = ifUnknown(entry, endpoint, connector);
  const findings = await findOut(item, next, connector, delivery);
  if (!findings.go) return { ...findings, ifUnknown: next, forPerson };
  if ((entry.resend === 'verify' || connector.verify) && !(await workshop.deliveries.begin(claim)))
    throw new LockLost(item.queueId);
  try {
    crashPoint('before-send');
    // After a stop of the whole process, answers that came meanwhile are read before any timer runs.
    lock.check();
    const outcome = await inSpan(`connector ${endpoint.connector.type}`, {}, () =>
      connector.deliver(delivery),
    );
    crashPoint('after-send');
    const asked = connector.asks?.(delivery).slice(0, ASKED_CHARACTERS);
    return { outcome: noted(outcome, asked), asked, ifUnknown: next, forPerson, sent: true };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return { outcome: { kind: 'fail', failure: failureOf(error) } };
  }
}

const ASKED_CHARACTERS = 200;

/** A failure says what was asked, too: that is kept with the attempt. */
function noted(outcome: Outcome, request: string | undefined): Outcome {
  if (!request || !('failure' in outcome)) return outcome;
  return { ...outcome, failure: { ...outcome.failure, request } };
}

/** What was carried out causes what it says, or, when that is wrong, fails with a sentence. */
async function withFollowUps(
  attempt: Omit<Attempt, 'endpoint'>,
  claim: Claimed,
  endpoint: Endpoint,
  workshop: Workshop,
  signal: AbortSignal,
): Promise<Omit<Attempt, 'endpoint'>> {
  const { outcome } = attempt;
  const asked = 'followUps' in outcome ? (outcome.followUps ?? []) : [];
  if (asked.length === 0) return attempt;
  const followUps = await patiently(signal, () => checkFollowUps(asked, claim, endpoint, workshop));
  if (Array.isArray(followUps)) return { ...attempt, followUps };
  // Its mark stays: a retry first looks whether it is there, instead of sending an order a second time.
  return { ...attempt, sent: false, outcome: { kind: 'fail', failure: followUps } };
}

function deliveryOf(
  entry: CatalogueEntry,
  claim: Claimed,
  endpoint: Endpoint,
  workshop: Workshop,
  signal: AbortSignal,
): Delivery {
  const { item, fence } = claim;
  const notes = workshop.notes(claim, signal);
  return {
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
    parts: item.parts,
    signal,
    log: (line) => workshop.log(claim, line),
    progress: (value) => notes.progress(value),
    report: (part) => notes.report(part),
  };
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
