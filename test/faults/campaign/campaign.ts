import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { check } from '../checker/checker.js';
import { type Faulted, fromText, type Line, type Settings } from '../checker/history.js';
import { Andon } from './andon.js';
import { now, pause } from './clock.js';
import { inject, type Stage } from './inject.js';
import { Link, Links } from './network.js';
import { Operators } from './operators.js';
import { type Kind, kinds, type Lane, type PlannedFault, plan } from './plan.js';
import { FAKETIME, fault, Place, type Surroundings } from './processes.js';
import { Producer } from './producer.js';
import { type DoneFault, recoveries } from './recovery.js';
import type { Report } from './report.js';
import { COMPILER, type Store, startStore, type Topology } from './store.js';

export interface CampaignOptions {
  readonly seed: number;
  /** How long the load lasts, in milliseconds. */
  readonly ms: number;
  readonly queues: number;
  /** Items a second. */
  readonly rate: number;
  readonly intensity: number;
  readonly lockMs: number;
  /** Faults that make Redis lose its last moment; the checker then leaves that moment out. */
  readonly forgetful: boolean;
  readonly topology: Topology;
  /** What the system promises of what it acknowledged. */
  readonly durability: 'local' | 'replicated';
  /** Empty, for everything that is written down. */
  readonly directory: string;
  /** Where the built product is. */
  readonly product: string;
  readonly progress: (line: string) => void;
}

const WORKERS = 3;
const APIS = 2;
const KEEP_COMPLETED = 400;
/** Of a Cluster. */
const SHARDS = 16;
/** Longer than any item takes with all its tries. */
const DRAIN_MS = 45_000;
const apiKey = 'campaign.a-secret-for-one-run-only';

/** One run: load, people and faults for a time, then quiet, then judgement. */
export async function campaign(options: CampaignOptions): Promise<Report> {
  const { seed, directory, lockMs, progress } = options;
  await mkdir(join(directory, 'data'), { recursive: true });
  const lines: Line[] = [];
  const kept = createWriteStream(join(directory, 'history.jsonl'));
  const write = (line: Line) => {
    lines.push(line);
    kept.write(`${JSON.stringify(line)}\n`);
  };
  const complaints: string[] = [];
  const endings: string[] = [];
  const cleanUp: (() => unknown)[] = [];
  try {
    const store = await startStore(options.topology);
    cleanUp.push(() => store.end());
    const seen = join(directory, 'witness.jsonl');
    const witness = spawn(
      process.execPath,
      [new URL('../witness.mjs', import.meta.url).pathname, seen],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    cleanUp.push(() => witness.kill('SIGKILL'));
    const shopPort = Number(new URL(String((await once(witness.stdout, 'data'))[0]).trim()).port);
    const shopLink = await new Link(() => shopPort, true).open();
    cleanUp.push(() => shopLink.close());

    const config = join(directory, 'andon.yaml');
    await writeFile(config, settings());
    const around: Surroundings = {
      directory,
      product: options.product,
      lockMs,
      shopPort: shopLink.port,
      redisUrl: store.url,
      settings: {
        ANDON_DURABILITY: options.durability,
        ...(options.topology === 'cluster' ? { ANDON_SHARDS: String(SHARDS) } : {}),
      },
      apiKey,
      config,
      tell: write,
      endedByItself: (who, code, signal, ready) => {
        endings.push(`${who}: ${signal ?? code}`);
        // Before it was ready it may well have given up on a Redis that was away.
        if (ready && code !== 70) complaints.push(`${who} ended by itself (${signal ?? code})`);
      },
    };
    const links: Links[] = [];
    const doors: Link[] = [];
    const places: Place[] = [];
    for (let n = 0; n < WORKERS + APIS; n += 1) {
      const link = await Links.open(store.ports);
      links.push(link);
      cleanUp.push(() => link.each((one) => one.close()));
      const role = n < WORKERS ? 'worker' : 'api';
      const ways = { detours: link.detours, api: role === 'api' ? await freePort() : 0 };
      const place = new Place(role, n < WORKERS ? n : n - WORKERS, ways, around);
      places.push(place);
      cleanUp.push(() => place.kill());
    }
    const [workers, apis] = [places.slice(0, WORKERS), places.slice(WORKERS)];
    for (const place of places) place.start();
    for (const { port } of apis) {
      const door = await new Link(() => port).open();
      doors.push(door);
      cleanUp.push(() => door.close());
    }

    const andon = new Andon(
      doors.map((door) => door.port),
      apiKey,
    );
    cleanUp.push(() => andon.close());
    const channels = Array.from({ length: options.queues }, (_, n) => String(n + 1));
    await open(andon, channels, shopLink.port, lockMs);

    const stage: Stage = {
      workers,
      apis,
      links,
      doors,
      shopLink,
      store,
      lockMs,
      replicated: options.durability === 'replicated',
      mood: (mood) => witness.stdin.write(`${mood}\n`),
      tell: write,
      complain: (what) => complaints.push(what),
    };
    const backlog = new Backlog(andon);
    cleanUp.push(() => backlog.stop());
    const producer = new Producer(andon, channels, write, { ...options, durable: true });
    const operators = new Operators(andon, channels, write, seed);
    operators.start();
    const started = now();
    const without = impossible();
    const schedule = plan({ ...options, without, workers: WORKERS, apis: APIS });
    const done: DoneFault[] = [];
    const slowness = watchRedis(store, write, lockMs);
    const said = setInterval(() => {
      const left = Math.max(0, Math.round((options.ms - (now() - started)) / 1_000));
      progress(
        `${done.length} of ${schedule.length} faults, ${producer.items} items asked for, ${backlog.waiting} wait, ${complaints.length} complaints, ${left} s to go`,
      );
    }, 5_000);
    cleanUp.push(() => clearInterval(said));

    const till = started + options.ms;
    setTimeout(() => operators.neglect(channels[0]!), options.ms * 0.7).unref();
    await Promise.all([
      producer.run(till, () => backlog.waiting),
      ...(Object.keys(kinds) as Lane[]).map((lane) => lanes(schedule, lane, started, stage, done)),
    ]);
    const faultsOver = now();
    progress('the faults are over; the queues drain');
    await operators.resumeAll();
    const drained = await drain(andon, channels, operators, DRAIN_MS + lockMs);
    const drainedMs = now() - faultsOver;
    await operators.stop();
    await slowness();
    clearInterval(said);
    progress(drained ? `drained in ${Math.round(drainedMs)} ms; judging` : 'not drained; judging');

    for (const place of workers)
      if (!(await place.stop())) complaints.push(`${place.name} hung at the end`);
    for await (const end of ends(andon)) write(end);
    await Promise.all(apis.map((place) => place.stop()));

    const witnessed = fromText(await readFile(seen, 'utf8'));
    for (const line of witnessed) lines.push(line); // too many for one call
    for (const line of await lagged(join(directory, 'lag.jsonl'), lockMs)) lines.push(line);
    const history = join(directory, 'all.jsonl');
    const out = createWriteStream(history);
    for (const line of lines) out.write(`${JSON.stringify(line)}\n`);
    out.end();
    await once(out, 'finish');
    kept.end();

    const judged: Settings = {
      lockMs,
      maxDeaths: 1_000,
      keepCompleted: KEEP_COMPLETED,
      ...(options.topology === 'cluster' ? { shards: SHARDS } : {}),
    };
    const judging = now();
    const violations = check(lines, judged);
    return {
      seed,
      options,
      started,
      ms: options.ms,
      faults: done,
      without,
      endings,
      complaints,
      violations,
      judgingMs: now() - judging,
      drainedMs: drained ? drainedMs : null,
      history,
      recoveries: recoveries(done, lines, producer.accepted, apis, lockMs),
      stopsMs: places.flatMap((place) => place.stops),
      counts: count(lines, done),
      timeline: timeline(lines, started),
    };
  } finally {
    for (const end of cleanUp.reverse()) await end();
    kept.end();
  }
}

/** Kinds of faults for which this machine lacks a tool. */
function impossible(): Kind[] {
  const without: Kind[] = [];
  if (!existsSync(FAKETIME)) without.push('worker clock', 'api clock');
  if (!existsSync(COMPILER)) without.push('redis clock');
  return without;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

const settings = () => `fleet:
  tendMs: 100
  sweepMs: 1000
  stopGraceMs: 1000
  watchdogMs: 15000
  maxDeaths: 100
hold:
  firstMs: 200
  maxMs: 1500
retention:
  completed: ${KEEP_COMPLETED}
`;

async function open(
  andon: Andon,
  channels: readonly string[],
  shopPort: number,
  lockMs: number,
): Promise<void> {
  // Well beyond the longest item, so that none ends by chance just when its time is up.
  const timeoutMs = lockMs * 3;
  for (const id of channels)
    await andon.insist('PUT', `/v1/channels/${id}`, {
      description: `Shop ${id}`,
      connector: { type: 'http', url: `http://127.0.0.1:${shopPort}/`, timeoutMs },
      retry: { attempts: 6, firstDelayMs: 50, maxDelayMs: 800 },
    });
}

/** The faults of one lane, one after the other, each at its time or as soon as the one before is over. */
async function lanes(
  schedule: readonly PlannedFault[],
  lane: Lane,
  started: number,
  stage: Stage,
  done: DoneFault[],
): Promise<void> {
  for (const planned of schedule.filter((one) => one.lane === lane)) {
    await pause(started + planned.at - now());
    const { subject, before, from, till } = await inject(planned, stage);
    const place = typeof subject === 'string' ? subject : subject.name;
    const address = typeof subject === 'string' ? null : subject.address;
    done.push({ ...planned, from, till, subject: place, address, before });
  }
}

/** How many items wait, asked for now and then. */
class Backlog {
  waiting = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(andon: Andon) {
    this.timer = setInterval(async () => {
      const { body } = await andon.call('GET', '/v1/summary');
      if (typeof body?.totals?.waiting === 'number') this.waiting = body.totals.waiting;
      else if (Array.isArray(body?.queues))
        this.waiting = sum(body.queues, (one) => one.counts?.waiting ?? one.waiting ?? 0);
    }, 1_000);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of the API, read by hand
const sum = (all: any[], of: (one: any) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

/** Writes down when Redis itself was slow, which costs everybody their locks. */
function watchRedis(store: Store, write: (line: Faulted) => void, lockMs: number) {
  let over = false;
  const probe = async () => {
    for (const master of await store.masters()) await master.call('PING');
  };
  const work = (async () => {
    while (!over) {
      const from = now();
      // One that is away or changes its master just now is told of by the fault itself.
      await probe().catch(() => {});
      if (now() - from > lockMs * 0.25)
        write(fault('Redis was slow', null, 'locks', from, now() + 500));
      await pause(50);
    }
  })();
  return async () => {
    over = true;
    await work;
  };
}

/** Every queue is empty, or blocked where nobody cares; given up when nothing moves for `ms`. */
async function drain(
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

async function* ends(andon: Andon): AsyncGenerator<Line> {
  let cursor: string | null = null;
  do {
    const { body } = await andon.insist(
      'GET',
      `/v1/items?limit=200${cursor ? `&cursor=${cursor}` : ''}`,
    );
    for (const { queue, queueId: id, data, state } of body.items)
      yield { by: 'end', queue, id, item: String(data.item), state };
    cursor = body.nextCursor;
  } while (cursor);
}

/** When processes did not get to run, by their own account. */
async function lagged(path: string, lockMs: number): Promise<Faulted[]> {
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

function count(lines: readonly Line[], done: readonly DoneFault[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  for (const { kind } of done) add(kind);
  for (const line of lines) {
    if (line.by === 'witness') add(`witness ${line.did === 'answered' ? line.status : line.did}`);
    else if (line.by === 'producer') add(`asked, ${line.did}`);
    else if (line.by === 'operator' || line.by === 'steering') add(`${line.did} ${line.answer}`);
    else if (line.by === 'end') add(`ended ${line.state}`);
  }
  counts['faults'] = done.length;
  counts['deliveries'] = counts['witness started'] ?? 0;
  return counts;
}

/** Deliveries that started, and that were answered well, in each second. */
function timeline(lines: readonly Line[], started: number): Report['timeline'] {
  const seconds: { started: number; done: number; accepted: number }[] = [];
  for (const line of lines) {
    const at = line.by === 'witness' ? line.at : line.by === 'producer' ? line.answered : null;
    if (at === null) continue;
    const second = Math.floor((at - started) / 1_000);
    if (second < 0) continue;
    for (let n = seconds.length; n <= second; n += 1)
      seconds.push({ started: 0, done: 0, accepted: 0 });
    const bin = seconds[second]!;
    if (line.by === 'producer') bin.accepted += line.did === 'accepted' ? 1 : 0;
    else if (line.by === 'witness' && line.did === 'started') bin.started += 1;
    else if (line.by === 'witness' && line.did === 'answered' && line.status === 200) bin.done += 1;
  }
  return seconds;
}
