import type { Faulted } from '../checker/history.js';
import { now, pause } from './clock.js';
import type { Link } from './network.js';
import type { PlannedFault } from './plan.js';
import { fault, type Place } from './processes.js';
import type { Store } from './store.js';

export interface Stage {
  readonly workers: readonly Place[];
  readonly apis: readonly Place[];
  /** To Redis, one a place: workers first. */
  readonly links: readonly Link[];
  /** Between the workers and the shop. */
  readonly shopLink: Link;
  readonly store: Store;
  readonly lockMs: number;
  readonly mood: (mood: string) => void;
  readonly tell: (line: Faulted) => void;
  /** Something that must never be, seen while the fault was made. */
  readonly complain: (what: string) => void;
}

/** What was done, and who has to come back after it. */
export interface Done {
  readonly subject: 'redis' | 'shop' | Place;
  readonly from: number;
  /** From when it may come back. */
  readonly till: number;
  /** The process that it befell. */
  readonly before: string | null;
}

/** A connection that was lost is made again within this time, in milliseconds. */
const RECONNECT_MS = 3_000;
/** A connection that carries nothing is noticed within this time. */
const SILENCE_MS = 17_000;

/** Makes a fault, keeps it up for its time, lifts it. */
export async function inject(planned: PlannedFault, stage: Stage): Promise<Done> {
  const from = now();
  const before = standing(planned, stage)?.address ?? null;
  const subject = await make(planned, stage, from);
  const till = now();
  tellOf(planned, subject, stage, from, till);
  return { subject, before, from, till: planned.kind === 'link half-open' ? from : till };
}

function standing(
  { lane, kind, place }: PlannedFault,
  { workers, apis }: Stage,
): Place | undefined {
  if (lane === 'links') return [...workers, ...apis][place];
  if (lane !== 'processes') return undefined;
  return (kind.startsWith('worker') ? workers : apis)[place];
}

/** What the fault may really have cost, for the checker. */
function tellOf(
  { lane, kind }: PlannedFault,
  subject: Done['subject'],
  { tell }: Stage,
  from: number,
  till: number,
): void {
  if (lane === 'shop') tell(fault(kind, null, 'answers', from, till + 200));
  if (lane === 'redis') tell(fault(kind, null, 'locks', from, till + RECONNECT_MS));
  if (lane === 'links' && typeof subject === 'object') {
    const after = kind === 'link half-open' ? SILENCE_MS : RECONNECT_MS;
    tell(fault(kind, subject.address, 'locks', from, till + after));
  }
}

async function make(planned: PlannedFault, stage: Stage, from: number): Promise<Done['subject']> {
  switch (planned.lane) {
    case 'processes':
      return onProcess(planned, stage);
    case 'links':
      return onLink(planned, stage);
    case 'redis':
      await onRedis(planned, stage, from);
      return 'redis';
    case 'shop':
      await onShop(planned, stage);
      return 'shop';
  }
}

async function onProcess(planned: PlannedFault, stage: Stage): Promise<Place> {
  const { kind, ms, much } = planned;
  const who = standing(planned, stage)!;
  const offset = `${much < 0.5 ? '-' : '+'}${[3_600, 86_400, 60][Math.floor(much * 3)]}`;
  switch (kind) {
    case 'worker sleep':
    case 'api sleep':
      await who.sleep(ms);
      return who;
    case 'worker kill':
    case 'api kill':
      await who.kill();
      who.start();
      return who;
    case 'worker clock':
      // Starts with a clock that is wrong and jumps while it runs.
      if (!(await who.stop())) stage.complain(`${who.name} hung when it was to stop`);
      who.start(offset);
      setTimeout(() => who.setClock('+0'), 2_500).unref();
      return who;
    default:
      if (!(await who.stop())) stage.complain(`${who.name} hung when it was to stop`);
      who.start();
      return who;
  }
}

async function onLink(planned: PlannedFault, stage: Stage): Promise<Place> {
  const { kind, place, ms, much } = planned;
  const link = stage.links[place]!;
  switch (kind) {
    case 'link cut':
      link.cut();
      break;
    case 'link away':
      link.away(true);
      await pause(ms);
      link.away(false);
      break;
    case 'link half-open':
      link.halfOpen();
      break;
    case 'link delay':
      link.delay(10 + Math.round(much * 150));
      await pause(ms);
      link.delay(0);
      break;
    case 'link stall':
      link.stall(true);
      await pause(ms);
      link.stall(false);
      break;
    case 'link throttle':
      link.throttle(20_000 + much * 200_000);
      await pause(ms);
      link.throttle(0);
      break;
    case 'link reply lost':
      await link.loseReplies();
      break;
  }
  return standing(planned, stage)!;
}

async function onRedis(
  { kind, ms, much }: PlannedFault,
  stage: Stage,
  from: number,
): Promise<void> {
  const { store } = stage;
  const { admin } = store;
  switch (kind) {
    case 'redis kill':
    case 'redis slow load':
      await store.kill();
      await pause(kind === 'redis kill' ? ms : 0);
      await store.launch(kind === 'redis slow load' ? await store.delayFor(ms) : 0);
      break;
    case 'redis tail cut':
      await store.kill();
      await store.cutTail(Math.round(100 + much * 20_000));
      stage.tell(fault(kind, null, 'memory', from - 2_000, now() + 500));
      stage.mood('forget');
      await pause(ms);
      await store.launch();
      break;
    case 'redis stall':
      store.signal('SIGSTOP');
      await pause(ms);
      store.signal('SIGCONT');
      break;
    case 'redis read-only':
      await admin.replicaof('127.0.0.1', 1);
      await pause(ms);
      await admin.replicaof('NO', 'ONE');
      break;
    case 'redis full':
      await admin.config('SET', 'maxmemory', '1mb');
      await pause(ms);
      await admin.config('SET', 'maxmemory', '0');
      break;
    case 'redis no clients':
      await admin.config('SET', 'maxclients', '4');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
      await pause(ms);
      await admin.config('SET', 'maxclients', '4000');
      break;
    case 'redis clients killed':
      await admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
      break;
    case 'redis scripts forgotten':
      await admin.script('FLUSH');
      break;
  }
  await store.ready();
}

async function onShop({ kind, ms }: PlannedFault, { shopLink, mood }: Stage): Promise<void> {
  switch (kind) {
    case 'shop cut':
      shopLink.cut();
      return;
    case 'shop stall':
      shopLink.stall(true);
      await pause(ms);
      shopLink.stall(false);
      return;
    case 'shop reply lost':
      await shopLink.loseReplies();
      return;
    default:
      mood(kind.slice('shop '.length));
      await pause(ms);
      mood('fine');
  }
}
