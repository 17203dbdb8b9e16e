import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.js';
import { check } from '../checker/checker.js';
import { fromText, type Line } from '../checker/history.js';
import { drain, ends, lagged } from './afterwards.js';
import { Andon } from './andon.js';
import { now, pause } from './clock.js';
import { Lookout } from './lookout.js';
import { Operators } from './operators.js';
import { Place, type Role } from './processes.js';
import { Producer } from './producer.js';
import { startStore } from './store.js';

export interface RollingOptions {
  readonly seed: number;
  /** How often every process is restarted. */
  readonly rounds: number;
  readonly queues: number;
  /** Items a second. */
  readonly rate: number;
  readonly lockMs: number;
  /** Between a process that is ready again and the next one, in milliseconds. */
  readonly gapMs: number;
  /** Empty, for everything that is written down. */
  readonly directory: string;
  /** Where the built product is. */
  readonly product: string;
  readonly progress: (line: string) => void;
}

/** What came of it. Times in milliseconds. */
export interface RollingReport {
  readonly restarts: number;
  readonly stopsMs: Readonly<Record<Role, readonly number[]>>;
  readonly startsMs: Readonly<Record<Role, readonly number[]>>;
  readonly deliveries: number;
  readonly accepted: number;
  /** Requests that were not answered, as their process went; each was sent again. */
  readonly unanswered: number;
  /** Deliveries that a process left in the middle. */
  readonly cutOff: number;
  /** The longest time in which nothing started anywhere. */
  readonly longestGapMs: number;
  /** Null when the queues did not drain. */
  readonly drainedMs: number | null;
  /** What the checker found; see docs/faults.md. */
  readonly violations: readonly { rule: string; says: string }[];
  readonly complaints: readonly string[];
}

const crew: Readonly<Record<Role, number>> = { worker: 3, api: 2, alerts: 2 };
const roles = Object.keys(crew) as Role[];
const apiKey = 'campaign.a-secret-for-one-run-only';
const DRAIN_MS = 30_000;

/**
 * An upgrade as people do it: under load each process is stopped by SIGTERM and started anew, one after the
 * other, round after round. The checker judges what the witness saw, as in a campaign; nothing excuses anybody.
 */
export async function rolling(options: RollingOptions): Promise<RollingReport> {
  const { directory, lockMs, progress } = options;
  await mkdir(join(directory, 'data'), { recursive: true });
  const lines: Line[] = [];
  const write = (line: Line) => void lines.push(line);
  const complaints: string[] = [];
  const cleanUp: (() => unknown)[] = [];
  try {
    const store = await startStore('single');
    cleanUp.push(() => store.end());
    const seen = join(directory, 'witness.jsonl');
    const witness = beside('witness', seen);
    const office = beside('mailbox', join(directory, 'mail.jsonl'));
    cleanUp.push(() => witness.kill('SIGKILL') && office.kill('SIGKILL'));
    const shopPort = Number(new URL(await firstLine(witness)).port);
    const smtpPort = Number(await firstLine(office));
    const config = join(directory, 'andon.yaml');
    await writeFile(config, settings);
    const places: Place[] = [];
    for (const role of roles)
      for (let n = 0; n < crew[role]; n += 1)
        places.push(
          new Place(
            role,
            n,
            { detours: {}, api: role === 'api' ? await freePort() : 0 },
            {
              directory,
              product: options.product,
              lockMs,
              shopPort,
              redisUrl: store.url,
              settings: { ANDON_SMTP_URL: `smtp://127.0.0.1:${smtpPort}` },
              apiKey,
              config,
              tell: write,
              endedByItself: (who, code, signal) =>
                complaints.push(`${who} ended by itself (${signal ?? code})`),
            },
          ),
        );
    for (const place of places) {
      place.start();
      cleanUp.push(() => place.kill());
    }
    const apis = places.filter(({ role }) => role === 'api').map(({ port }) => port);
    const andon = new Andon(apis, apiKey);
    cleanUp.push(() => andon.close());
    for (const place of places) await ready(place);
    const channels = Array.from({ length: options.queues }, (_, n) => String(n + 1));
    for (const id of channels)
      await andon.insist('PUT', `/v1/channels/${id}`, {
        description: `Shop ${id}`,
        connector: { type: 'http', url: `http://127.0.0.1:${shopPort}/` },
        retry: { attempts: 6, firstDelayMs: 50, maxDelayMs: 800 },
      });

    const producer = new Producer(andon, channels, write, { ...options, durable: true });
    const lookout = new Lookout(andon, write);
    const operators = new Operators(andon, channels, write, options.seed, lookout.seen);
    operators.start();
    lookout.start();
    const work = { pace: 1 };
    const produced = producer.run(
      () => work.pace,
      () => 0,
    );
    const starts = { worker: [], api: [], alerts: [] } as Record<Role, number[]>;
    const struck = now();
    let restarts = 0;
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const place of places) {
        await pause(options.gapMs);
        if (!(await place.stop())) complaints.push(`${place.name} hung when it was to stop`);
        const from = now();
        place.start();
        await ready(place);
        starts[place.role].push(now() - from);
        restarts += 1;
      }
      progress(`round ${round}: ${restarts} restarts, ${producer.items} items asked for`);
    }
    await pause(options.gapMs);
    work.pace = 0;
    await produced;
    const over = now();
    const drained = await drain(andon, ['none'], operators, DRAIN_MS);
    const drainedMs = drained ? now() - over : null;
    await operators.stop();
    await lookout.stop();
    for await (const end of ends(andon)) write(end);
    for (const place of places)
      if (!(await place.stop())) complaints.push(`${place.name} hung at the end`);
    for (const line of fromText(await readFile(seen, 'utf8'))) lines.push(line);
    for (const line of await lagged(join(directory, 'lag.jsonl'), lockMs)) lines.push(line);
    await writeFile(
      join(directory, 'all.jsonl'),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
    const violations = check(lines, { lockMs, maxDeaths: 1_000 });
    const stops = (role: Role) =>
      places.filter((place) => place.role === role).flatMap((place) => place.stops);
    const started = lines.flatMap((line) =>
      line.by === 'witness' && line.did === 'started' ? [line.at] : [],
    );
    return {
      restarts,
      stopsMs: { worker: stops('worker'), api: stops('api'), alerts: stops('alerts') },
      startsMs: starts,
      deliveries: started.length,
      accepted: lines.filter((line) => line.by === 'producer' && line.did === 'accepted').length,
      unanswered: lines.filter((line) => line.by === 'producer' && line.did === 'unknown').length,
      cutOff: lines.filter((line) => line.by === 'witness' && line.did === 'broken').length,
      longestGapMs: longestGap(started.filter((at) => at > struck && at < over)),
      drainedMs,
      violations,
      complaints,
    };
  } finally {
    for (const end of cleanUp.reverse()) await end();
  }
}

/** The grace is longer than any delivery takes: none need be cut off. */
const settings = `fleet: { tendMs: 100, sweepMs: 1000, stopGraceMs: 10000 }
hold: { firstMs: 200, maxMs: 1500, graceMs: 2000 }
mail: { from: "Andon <andon@shop.example>" }
alerts:
  lists: [{ recipients: [ann@shop.example] }]
  actions: false
  timings: { lookMs: 500, gatherMs: 0, calmMs: 1000, digestsMs: [60000], windowMs: 2592000000 }
`;

async function ready(place: Place): Promise<void> {
  for (const till = now() + 60_000; !place.ready; await pause(20))
    if (now() > till) throw new Error(`${place.name} did not start`);
}

const beside = (name: 'witness' | 'mailbox', file: string): ChildProcess =>
  spawn(process.execPath, [new URL(`../${name}.mjs`, import.meta.url).pathname, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

const firstLine = async ({ stdout }: ChildProcess): Promise<string> =>
  String((await once(stdout!, 'data'))[0])
    .trim()
    .split('\n')[0]!;

function longestGap(times: readonly number[]): number {
  let longest = 0;
  for (const [n, at] of times.entries()) longest = Math.max(longest, at - (times[n - 1] ?? at));
  return Math.round(longest);
}
