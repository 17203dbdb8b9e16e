import type { Settings } from '../checker/history.js';
import type { Andon } from './andon.js';
import { now, pause } from './clock.js';
import type { Operators } from './operators.js';
import type { Producer } from './producer.js';

/** Every fourth queue is blocked on purpose. */
const EVERY = 4;
const PATIENCE_MS = 10_000;
/** What begins to wait at the end of a stretch has so long before anything is done to the system. */
const AFTER_MS = 1_000;

/**
 * Two stretches in which nothing is done to the system: one as ever, one with queues that are blocked on
 * purpose. By them the checker sees what a block costs the neighbours.
 */
export async function quietly(
  andon: Andon,
  channels: readonly string[],
  { producer, operators }: { producer: Producer; operators: Operators },
  ms: number,
): Promise<NonNullable<Settings['quiet']>> {
  await pause(ms / 4); // the first items find everything cold
  const before = await stretch(ms);
  const from = now();
  const chosen = channels.filter((_, n) => n % EVERY === 1);
  for (const channel of chosen) operators.neglect(channel);
  await Promise.all(chosen.map((channel) => producer.stone(channel)));
  for (const till = now() + PATIENCE_MS; now() < till; await pause(100))
    if ((await blocked(andon)) >= chosen.length) break;
  const beside = { from, till: (await stretch(ms)).till };
  await pause(AFTER_MS);
  for (const channel of chosen) operators.attend(channel);
  producer.calm = false;
  return { before, beside };
}

async function stretch(ms: number) {
  const from = now();
  await pause(ms);
  return { from, till: now() };
}

async function blocked(andon: Andon): Promise<number> {
  const { body } = await andon.call('GET', '/v1/queues?limit=200');
  const queues: { blocked: unknown }[] = body?.items ?? [];
  return queues.filter((one) => one.blocked).length;
}
