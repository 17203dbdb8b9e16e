import type { Connector, Delivery, Failure, Outcome } from '../connectors/connector.js';
import { messageOf } from '../errors.js';
import type { CatalogueEntry } from '../instructions/catalogue.js';
import type { Item } from '../queues/item.js';
import type { Endpoint } from '../queues/registry.js';

/**
 * What is to follow when nobody knows whether an item was carried out: `send` it again, `look` first, or
 * `block` until a person has looked.
 */
export type IfUnknown = 'send' | 'look' | 'block';

/** Twice is the same as once, or the settings of the far side say that it keeps twice apart. */
export const mayGoTwice = (entry: CatalogueEntry, endpoint: Endpoint): boolean =>
  entry.resend === 'safe' || endpoint.resendUnknown;

export function ifUnknown(
  entry: CatalogueEntry,
  endpoint: Endpoint,
  connector: Connector,
): IfUnknown {
  if (mayGoTwice(entry, endpoint)) return 'send';
  return connector.verify ? 'look' : 'block';
}

/** What was left open by an earlier attempt, found out or not. */
export type Findings =
  | { readonly go: true }
  | { readonly go: false; readonly outcome: Outcome; readonly found: boolean };

const go: Findings = { go: true };

/**
 * Before an item goes out of which an earlier attempt was begun and never settled: was it carried out?
 * Throws only the reason of the delivery's signal.
 */
export async function findOut(
  item: Item,
  next: IfUnknown,
  connector: Connector,
  delivery: Delivery,
): Promise<Findings> {
  if (item.begun === 'no') return go;
  const decided = next === 'send' || item.begun === 'retried';
  const verdict = connector.verify ? await look(connector, delivery) : null;
  if (verdict?.kind === 'there' && !item.changed)
    return { go: false, found: true, outcome: { ...verdict, kind: 'already-done' } };
  if (verdict?.kind === 'there')
    return next === 'send' ? go : { go: false, found: false, outcome: thereAsItWas };
  if (verdict?.kind === 'not-there' || decided) return go;
  const failure = verdict?.failure ?? neverTold;
  return { go: false, found: false, outcome: { kind: 'unknown', failure } };
}

async function look(connector: Connector, delivery: Delivery) {
  try {
    return (await connector.verify?.(delivery)) ?? null;
  } catch (error) {
    delivery.signal.throwIfAborted();
    const message = `the connector broke when it looked: ${messageOf(error)}`;
    return { kind: 'unknown', failure: { message, cause: 'bug' } } as const;
  }
}

const thereAsItWas: Outcome = {
  kind: 'fail',
  failure: {
    cause: 'conflict',
    message:
      'It arrived before its data was changed here, so the far side has it as it was. Change it there and ' +
      'resolve this item; or take it away there and retry: then it is sent as it is now.',
  },
};

const neverTold: Failure = {
  message: 'the worker that was sending it stopped before there was an answer',
  cause: 'connection',
};

/** What a person is told who now has to look. */
export function nobodyKnows(
  failure: Failure,
  item: Item,
  entry: CatalogueEntry,
  { description }: Endpoint,
): Failure {
  const what = item.entity ? `${item.entity.kind} ${item.entity.key}` : `this ${entry.instruction}`;
  const message =
    `Nobody knows whether ${what} reached ${description}: ${failure.message}. Look there. ` +
    'If it is there, resolve this item with its number; if not, retry: then it is sent.';
  return { ...failure, message };
}
