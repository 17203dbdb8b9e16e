import type { Delivery } from './connector.js';

const facts = [
  'queueId',
  'instruction',
  'description',
  'mode',
  'client',
  'source',
  'channel',
  'entity',
  'attempt',
  'enqueuedAt',
  'data',
] as const satisfies readonly (keyof Delivery)[];
export type Told = Pick<Delivery, (typeof facts)[number]>;

/** What a far side is told of an item, whichever way it gets there. Each connector adds what only it can say. */
export const toldOf = (delivery: Delivery): Told =>
  Object.fromEntries(facts.map((name) => [name, delivery[name]])) as Told;
