import { readFile } from 'node:fs/promises';
import { type Faulted, fromText, type Line } from '../checker/history.js';
import type { Andon } from './andon.js';
import { now, pause } from './clock.js';
import type { Lookout } from './lookout.js';
import type { Operators } from './operators.js';
import { fault } from './processes.js';

/** Every queue is empty, or blocked where nobody cares; given up when nothing moves for `ms`. */
export async function drain(
  andon: Andon,
  channels: readonly string[],
  operators: Operators,
  ms: number,
): Promise<boolean> {
  const neglected = `channel.${channels[0]}`;
  let least = Number.POSITIVE_INFINITY;
  for (let till = now() + ms; now() < till; await pause(250)) {
    const { rest, paused } = await left(andon, neglected);
    for (const queue of paused) await operators.resumeLate(queue);
    if (rest === 0) return true;
    if (rest < least) till = now() + ms;
    least = Math.min(least, rest);
  }
  return false;
}

async function left(
  andon: Andon,
  neglected: string,
): Promise<{ rest: number; paused: readonly string[] }> {
  let open = 0;
  const stopped: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${cursor}` : '';
    const { status, body } = await andon.call('GET', `/v1/queues?limit=200${query}`);
    if (status !== 200) return { rest: Number.POSITIVE_INFINITY, paused: [] };
    for (const { name, counts, blocked, paused } of body.items) {
      if (paused && !blocked) stopped.push(name);
      open += counts.active + counts.backingOff;
      if (name !== neglected || !blocked) open += counts.waiting + counts.failed;
    }
    cursor = body.nextCursor;
  } while (cursor);
  return { rest: open, paused: stopped };
}

/** Whatever failed has been seen in an incident, and every reader has a mail of every open one; given up after `ms`. */
export async function told(
  andon: Andon,
  lookout: Lookout,
  mailbox: string,
  readers: readonly string[],
  ms: number,
): Promise<boolean> {
  for (const till = now() + ms; now() < till; await pause(300)) {
    const failed = await andon.call('GET', '/v1/items?state=failed&limit=200');
    const open = await andon.call('GET', '/v1/incidents?state=open&limit=200');
    if (failed.status !== 200 || open.status !== 200) continue;
    const mails = fromText(await readFile(mailbox, 'utf8'));
    const of = new Set(mails.map((mail) => mail.by === 'mail' && `${mail.incident} ${mail.to}`));
    const items: { queueId: number; instruction: string }[] = failed.body.items;
    const unseen = items.filter(
      (one) => one.instruction !== 'send_email' && !lookout.seen.has(one.queueId),
    );
    const incidents: { id: number }[] = open.body.items;
    const all = incidents.every(({ id }) => readers.every((reader) => of.has(`${id} ${reader}`)));
    if (unseen.length === 0 && all) return true;
  }
  return false;
}

/** Where every item was found when all was over, but for the mails, which nobody asked for. */
export async function* ends(andon: Andon): AsyncGenerator<Line> {
  let cursor: string | null = null;
  do {
    const { body } = await andon.insist(
      'GET',
      `/v1/items?limit=200${cursor ? `&cursor=${cursor}` : ''}`,
    );
    for (const { queue, queueId: id, data, state, instruction } of body.items)
      if (instruction !== 'send_email')
        yield { by: 'end', queue, id, item: String(data.item), state };
    cursor = body.nextCursor;
  } while (cursor);
}

/** When processes did not get to run, by their own account. */
export async function lagged(path: string, lockMs: number): Promise<Faulted[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { process: string; from: number; till: number })
    .filter(({ from, till }) => till - from > lockMs * 0.25)
    .map(({ process, from, till }) =>
      fault('did not get to run', process, 'locks', from, till + 500),
    );
}
