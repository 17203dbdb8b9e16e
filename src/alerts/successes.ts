import { z } from 'zod';
import type { Found, TroubleFinder } from '../incidents/find.js';
import { type Routing, routeTo } from '../incidents/routing.js';
import { isSuccess, successTypeOf, toldSuccesses } from '../incidents/types.js';
import type { Registry } from '../queues/registry.js';
import { type Keys, PARALLEL } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import type { Entry, Ledger } from './ledger.js';
import { keyOf, type Letter } from './outbox.js';
import { plainMessage, wayOf } from './ways.js';
import { counted, html, line } from './words.js';

const gatheredSchema = z.object({
  name: z.string(),
  /** When the first of these was found. Milliseconds since 1970. */
  since: z.number(),
  counts: z.record(z.string(), z.number()),
  /** The newest, as lines. */
  lines: z.array(z.string()),
});
type Gathered = z.infer<typeof gatheredSchema>;

const PORTION = 1_000;
const SHOWN = 50;

/** What went well, gathered by recipient: orders created, products fetched. */
export class Successes {
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  private readonly finder: TroubleFinder;
  private readonly registry: Registry;
  private readonly ledger: Ledger;

  constructor(parts: {
    scripts: Scripts;
    keys: Keys;
    finder: TroubleFinder;
    registry: Registry;
    ledger: Ledger;
  }) {
    this.scripts = parts.scripts;
    this.keys = parts.keys;
    this.finder = parts.finder;
    this.registry = parts.registry;
    this.ledger = parts.ledger;
  }

  /** What is to be written: cursors, what was gathered, and mails for those that waited long enough. */
  async look(routing: Routing, gatherMs: number, now: number): Promise<Entry[]> {
    if (!isWanted(routing)) return [];
    const [cursors, stored] = await Promise.all([this.ledger.cursors(), this.ledger.successes()]);
    const gathered = new Map(
      Object.entries(stored).map(([address, text]) => [
        address,
        gatheredSchema.parse(JSON.parse(text)),
      ]),
    );
    const changed = new Set<string>();
    const entries: Entry[] = [];
    for (const queue of await this.queues()) {
      const cursor = cursors[queue];
      const { upto, found } = await this.read(queue, cursor);
      if (String(upto) !== cursor) entries.push(['cursor', queue, upto]);
      for (const item of found) {
        for (const address of gather(gathered, item, routing, now)) changed.add(address);
      }
    }
    for (const [address, one] of gathered) {
      if (now - one.since >= gatherMs) {
        const letter = letterOf(address, one);
        entries.push(['mail', keyOf(letter), JSON.stringify(letter)], ['success', address, '']);
      } else if (changed.has(address)) {
        entries.push(['success', address, JSON.stringify(one)]);
      }
    }
    return entries;
  }

  private async queues(): Promise<string[]> {
    const names = await this.registry.queueNames();
    return [PARALLEL, ...names.filter((name) => name.startsWith('source.'))];
  }

  /** Of a queue that was never looked at, nothing from before is told. */
  private async read(
    queue: string,
    cursor: string | undefined,
  ): Promise<{ upto: number; found: Found[] }> {
    const shard = this.keys.shardOf(queue);
    const args = [queue, cursor ?? '+inf', PORTION, ...toldSuccesses];
    const reply = (await this.scripts.run('succeeded', shard, args)) as (string | number)[];
    const [upto, ...ids] = reply.map(Number);
    const found = await this.finder.read(ids.map((queueId) => ({ queueId, shard })));
    return { upto: upto ?? 0, found };
  }
}

/** Whether anybody would be told of a success at all. */
const isWanted = ({ lists, overrides }: Routing): boolean =>
  lists.some((list) => list.successes && list.recipients.length > 0) ||
  overrides.some((override) => override.types.some(isSuccess));

/** Adds an item to what its recipients will read; answers their addresses. */
function gather(
  gathered: Map<string, Gathered>,
  item: Found,
  routing: Routing,
  now: number,
): string[] {
  const type = successTypeOf(item.instruction, item.entity);
  if (type === null) return [];
  return routeTo(routing, [type], item).told.map(({ address, name }) => {
    const one = gathered.get(address) ?? { name, since: now, counts: {}, lines: [] };
    gathered.set(address, one);
    one.counts[type] = (one.counts[type] ?? 0) + 1;
    const target = item.source ?? item.channel;
    const what = [item.title || item.entity, target ? `(${target})` : ''].filter(Boolean).join(' ');
    one.lines = [...one.lines, line(`${item.queueId} ${type}: ${what}`)].slice(-SHOWN);
    return address;
  });
}

function letterOf(address: string, { name, since, counts, lines }: Gathered): Letter {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const subject = `Done: ${Object.entries(counts)
    .map(([type, count]) => `${count} × ${type}`)
    .join(', ')}`;
  const rest = total > lines.length ? [`… and ${total - lines.length} more.`] : [];
  const footer = `Notification: ${Object.keys(counts).join(', ')}.`;
  const way = wayOf(address);
  const lead = `${counted(total, 'item')} went well. Queue id, notification and record of each:`;
  return {
    incident: 0,
    stage: `successes-${since}`,
    address,
    name,
    mail: {
      subject,
      ...(way && { message: plainMessage(way, line(subject), [...lines, ...rest]) }),
      text: [lead, '', ...lines, ...rest, '', '--', footer].join('\n'),
      html: `<!doctype html><html lang="en"><body style="font:16px/1.45 system-ui,sans-serif"><p>${html(lead)}</p><ul>${[...lines, ...rest].map((text) => `<li>${html(text)}</li>`).join('')}</ul><p style="color:#5a6472;font-size:13px">${html(footer)}</p></body></html>`,
    },
  };
}
