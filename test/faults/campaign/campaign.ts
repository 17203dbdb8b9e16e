import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.js';
import { check } from '../checker/checker.js';
import { type Faulted, fromText, type Line, type Settings } from '../checker/history.js';
import { compared } from '../checker/neighbours.js';
import { tell } from '../checker/story.js';
import { drain, ends, lagged, told } from './afterwards.js';
import { Andon } from './andon.js';
import { now, pause } from './clock.js';
import { type Aims, Extent } from './extent.js';
import { inject, type Stage } from './inject.js';
import { Lookout } from './lookout.js';
import { Memories } from './memory.js';
import { Link, Links } from './network.js';
import { Operators } from './operators.js';
import { type Kind, kinds, type Lane, type PlannedFault, plan } from './plan.js';
import { FAKETIME, fault, Place, type Surroundings } from './processes.js';
import { Producer } from './producer.js';
import { quietly } from './quiet.js';
import { type DoneFault, recoveries } from './recovery.js';
import type { Report } from './report.js';
import { COMPILER, type Store, startStore, type Topology } from './store.js';

export interface CampaignOptions {
  readonly seed: number;
  /** How long faults are made, at most, in milliseconds. */
  readonly ms: number;
  /** What is to be reached; it ends early when it is. */
  readonly aims: Aims | null;
  /** How long each of the two stretches without faults lasts that come before, in milliseconds. */
  readonly quietMs: number;
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
const ALERTERS = 2;
const KEEP_COMPLETED = 400;
/** Of a Cluster. */
const SHARDS = 16;
/** Longer than any item takes with all its tries. */
const DRAIN_MS = 45_000;
/** A failure that stands for so long has been found by the alerts, whatever befell them. */
const NOTICE_MS = 60_000;
const READERS = ['ann@shop.example', 'ben@shop.example'];
/** Of the rate, while nothing is done to the system: a machine that is full has long waits of its own. */
const QUIET_PACE = 0.5;
const apiKey = 'campaign.a-secret-for-one-run-only';

/** One run: quiet, then load, people and faults for a time, then quiet, then judgement. */
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
    const [seen, mailbox] = [join(directory, 'witness.jsonl'), join(directory, 'mail.jsonl')];
    const witness = beside('witness', seen);
    const office = beside('mailbox', mailbox);
    cleanUp.push(() => witness.kill('SIGKILL') && office.kill('SIGKILL'));
    const shopPort = Number(new URL(await firstLine(witness)).port);
    const smtpPort = Number(await firstLine(office));
    const smtpLink = await new Link(() => smtpPort).open();
    cleanUp.push(() => smtpLink.close());
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
        ANDON_SMTP_URL: `smtp://127.0.0.1:${smtpLink.port}`,
        ANDON_PUBLIC_URL: 'https://andon.example',
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
    for (let n = 0; n < WORKERS + APIS + ALERTERS; n += 1) {
      const link = await Links.open(store.ports);
      links.push(link);
      cleanUp.push(() => link.each((one) => one.close()));
      const role = n < WORKERS ? 'worker' : n < WORKERS + APIS ? 'api' : 'alerts';
      const ways = { detours: link.detours, api: role === 'api' ? await freePort() : 0 };
      const place = new Place(role, places.filter((one) => one.role === role).length, ways, around);
      places.push(place);
      cleanUp.push(() => place.kill());
    }
    const [workers, apis, alerters] = (['worker', 'api', 'alerts'] as const).map((role) =>
      places.filter((place) => place.role === role),
    ) as [Place[], Place[], Place[]];
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
      alerters,
      links,
      doors,
      shopLink,
      smtpLink,
      store,
      lockMs,
      replicated: options.durability === 'replicated',
      mood: (mood) => witness.stdin?.write(`${mood}\n`),
      mailMood: (mood) => office.stdin?.write(`${mood}\n`),
      tell: write,
      complain: (what) => complaints.push(what),
    };
    const backlog = new Backlog(andon);
    cleanUp.push(() => backlog.stop());
    const producer = new Producer(andon, channels, write, { ...options, durable: true });
    const lookout = new Lookout(andon, write);
    const operators = new Operators(andon, channels, write, seed, lookout.seen);
    const memories = new Memories(places, store);
    cleanUp.push(() => memories.stop());
    operators.start();
    lookout.start();
    const started = now();
    const without = impossible();
    const schedule = plan({
      ...options,
      without,
      workers: WORKERS,
      apis: APIS,
      alerters: ALERTERS,
    });
    const extent = new Extent(options.ms, options.aims);
    witness.stdout?.on('data', (count) => {
      extent.deliveries = Number(String(count).trim().split('\n').at(-1));
    });
    const done: DoneFault[] = [];
    const slowness = watchRedis(store, write, lockMs);
    const said = setInterval(() => {
      progress(
        `${Math.round((now() - started) / 1_000)} s, ${Math.floor(extent.share * 100)} %: ${done.length} of ${schedule.length} faults, ${producer.items} items asked for, ${extent.deliveries} deliveries, ${backlog.waiting} wait, ${complaints.length} complaints`,
      );
    }, 5_000);
    cleanUp.push(() => clearInterval(said));

    const work = { pace: QUIET_PACE };
    const produced = producer.run(
      () => (extent.over ? 0 : work.pace),
      () => backlog.waiting,
    );
    const quiet = await quietly(andon, channels, { producer, operators }, options.quietMs);
    progress('the quiet time is over; faults begin');
    work.pace = 1;
    operators.startSteering();
    const struck = now();
    extent.begin();
    await Promise.all([
      produced,
      neglect(operators, channels[0]!, extent),
      ...(Object.keys(kinds) as Lane[]).map((lane) => {
        const ofLane = schedule.filter((one) => one.lane === lane);
        return lanes(ofLane, struck, stage, done, extent);
      }),
    ]);
    const faultsOver = now();
    progress('the faults are over; the queues drain');
    await operators.resumeAll();
    const drained = await drain(andon, channels, operators, DRAIN_MS + lockMs);
    const drainedMs = now() - faultsOver;
    progress(drained ? `drained in ${Math.round(drainedMs)} ms` : 'not drained');
    await operators.stop();
    // What Redis may have forgotten, nobody can be told of.
    if (!options.forgetful && !(await told(andon, lookout, mailbox, READERS, NOTICE_MS)))
      progress('not everything was told');
    const incidents = await lookout.stop();
    await slowness();
    clearInterval(said);
    progress(`${incidents} incidents; judging`);

    for (const place of workers)
      if (!(await place.stop())) complaints.push(`${place.name} hung at the end`);
    for await (const end of ends(andon)) write(end);
    await Promise.all([...apis, ...alerters].map((place) => place.stop()));

    for (const file of [seen, mailbox])
      for (const line of fromText(await readFile(file, 'utf8'))) lines.push(line); // too many for one call
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
      quiet,
      ...(options.forgetful ? {} : { noticeMs: NOTICE_MS, readers: READERS }),
      ...(options.topology === 'cluster' ? { shards: SHARDS } : {}),
    };
    const judging = now();
    const violations = check(lines, judged);
    return {
      seed,
      options,
      started,
      ms: faultsOver - started,
      judged,
      faults: done,
      without,
      endings,
      complaints,
      violations,
      judgingMs: now() - judging,
      drainedMs: drained ? drainedMs : null,
      history,
      recoveries: recoveries(done, lines, lockMs),
      neighbours: compared(tell(lines, judged)),
      memory: memories.all,
      stopsMs: places.flatMap((place) => place.stops),
      counts: { ...count(lines, done), incidents },
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

const settings = () => `fleet:
  tendMs: 100
  sweepMs: 1000
  stopGraceMs: 1000
  watchdogMs: 15000
  maxDeaths: 100
hold:
  firstMs: 200
  maxMs: 1500
  graceMs: 2000
mail: { from: "Andon <andon@shop.example>", timeoutMs: 1500 }
retry: { send_email: { attempts: 200, firstDelayMs: 100, maxDelayMs: 1500 } }
alerts:
  lists: [{ recipients: [${READERS.join(', ')}] }]
  actions: false
  timings: { lookMs: 500, gatherMs: 0, calmMs: 1000, digestsMs: [60000], windowMs: 2592000000 }
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
  struck: number,
  stage: Stage,
  done: DoneFault[],
  extent: Extent,
): Promise<void> {
  for (const planned of schedule) {
    while (!extent.over && now() < struck + planned.at)
      await pause(Math.min(500, struck + planned.at - now()));
    if (extent.over) return;
    const { subject, before, from, till } = await inject(planned, stage);
    const place = typeof subject === 'string' ? subject : subject.name;
    const address = typeof subject === 'string' ? null : subject.address;
    done.push({ ...planned, from, till, subject: place, address, before });
    extent.faults = done.length;
  }
}

/** Towards the end nobody deals with one of the queues any more: it is to stay as it is. */
async function neglect(operators: Operators, channel: string, extent: Extent): Promise<void> {
  while (extent.share < 0.7) await pause(200);
  operators.neglect(channel);
}

/** A program of ours that runs beside the campaign and writes down what it sees. */
const beside = (name: 'witness' | 'mailbox', file: string): ChildProcess =>
  spawn(process.execPath, [new URL(`../${name}.mjs`, import.meta.url).pathname, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

const firstLine = async ({ stdout }: ChildProcess): Promise<string> =>
  String((await once(stdout!, 'data'))[0])
    .trim()
    .split('\n')[0]!;

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
    else if (line.by === 'mail') add(`mails taken: ${line.stage}`);
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
