import type { Faulted } from '../checker/history.js';
import { now, pause } from './clock.js';
import type { Link, Links } from './network.js';
import type { Kind, PlannedFault } from './plan.js';
import { fault, type Place } from './processes.js';
import { type Blow, onRedis } from './redis-faults.js';
import type { Store } from './store.js';

export interface Stage {
  readonly workers: readonly Place[];
  readonly apis: readonly Place[];
  readonly alerters: readonly Place[];
  /** To Redis, of each place: workers first, alerters last. */
  readonly links: readonly Links[];
  /** Before each API process. */
  readonly doors: readonly Link[];
  /** Between the workers and the shop. */
  readonly shopLink: Link;
  /** Between the workers and the mail server. */
  readonly smtpLink: Link;
  readonly store: Store;
  readonly lockMs: number;
  /** Whether what is acknowledged outlives a master that is lost with what its replicas had not heard of. */
  readonly replicated: boolean;
  readonly mood: (mood: string) => void;
  /** Of the mail server. */
  readonly mailMood: (mood: string) => void;
  readonly tell: (line: Faulted) => void;
  /** Something that must never be, seen while the fault was made. */
  readonly complain: (what: string) => void;
}

/** What was done, and who has to come back after it. */
export interface Done {
  readonly subject: 'redis' | 'shop' | 'smtp' | Place;
  readonly from: number;
  /** From when it may come back. */
  readonly till: number;
  /** The process that it befell. */
  readonly before: string | null;
}

/** A connection that nobody would take is made again so long after somebody does, at most, in milliseconds. */
const RECONNECT_MS = 3_000;
/** One that was only cut is made again at once: it costs no lock. */
const AT_ONCE_MS = 1_000;
const ONLY_CUT: readonly Kind[] = ['link cut', 'link reply lost', 'redis clients killed'];
/** The shop's other troubles are answers in themselves, or none: nothing that it said is lost by them. */
const LOSES_ANSWERS: readonly Kind[] = ['shop cut', 'shop stall', 'shop reply lost'];
/** After a failover everybody has found the new master within this time. */
const FAILOVER_MS = 6_000;
/** An answer that the witness wrote down may still be on its way for so long on a busy machine. */
const ON_ITS_WAY_MS = 250;
/** A connection that carries nothing is noticed within this time. */
const SILENCE_MS = 17_000;

/** Makes a fault, keeps it up for its time, lifts it. */
export async function inject(planned: PlannedFault, stage: Stage): Promise<Done> {
  const from = now();
  const before = standing(planned, stage)?.address ?? null;
  if (planned.lane === 'redis') {
    const blow = await onRedis(planned, stage.store);
    tellOfRedis(planned.kind, blow, stage, from);
    return { subject: 'redis', before, from, till: blow.at };
  }
  const subject = await make(planned, stage);
  const till = now();
  tellOf(planned, subject, stage, from, till);
  const felt = planned.kind === 'link half-open' || planned.kind === 'door half-open';
  return { subject, before, from, till: felt ? from : till };
}

function standing(
  { lane, kind, place }: PlannedFault,
  { workers, apis, alerters }: Stage,
): Place | undefined {
  if (lane === 'links') return [...workers, ...apis, ...alerters][place];
  if (lane === 'alerts') return alerters[place];
  if (lane === 'doors') return apis[place];
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
  if (LOSES_ANSWERS.includes(kind))
    tell(fault(kind, null, 'answers', from - ON_ITS_WAY_MS, till + 200));
  if (lane === 'links' && typeof subject === 'object') {
    const after = kind === 'link half-open' ? SILENCE_MS : reconnectMs(kind);
    tell(fault(kind, subject.address, 'locks', from, till + after));
  }
}

const reconnectMs = (kind: Kind): number => (ONLY_CUT.includes(kind) ? AT_ONCE_MS : RECONNECT_MS);

function tellOfRedis(kind: Kind, blow: Blow, stage: Stage, from: number): void {
  const { tell, lockMs, replicated, mood, store } = stage;
  if (kind === 'redis scripts forgotten') return; // they are sent again with the next command
  // A clock that jumps ends a lock whose worker renewed it in time.
  const since = blow.locks === undefined ? from : from - lockMs;
  const after = blow.lost === undefined ? reconnectMs(kind) : FAILOVER_MS;
  const till = now() + after;
  tell(fault(kind, null, 'locks', since, till));
  if (blow.lost === undefined) return;
  if (replicated) {
    tell(fault(kind, null, 'steps', blow.lost, blow.gone ?? till));
    return;
  }
  tell(fault(kind, null, 'memory', blow.lost, store.topology === 'single' ? now() + 500 : till));
  mood('forget');
}

async function make(planned: PlannedFault, stage: Stage): Promise<Done['subject']> {
  switch (planned.lane) {
    case 'processes':
    case 'alerts':
      return onProcess(planned, stage);
    case 'links':
    case 'doors':
      return onLink(planned, stage);
    case 'mail':
      await onMail(planned, stage);
      return 'smtp';
    default:
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
    case 'alerts sleep':
      await who.sleep(ms);
      return who;
    case 'worker kill':
    case 'api kill':
    case 'alerts kill':
      await who.kill();
      who.start();
      return who;
    case 'worker clock':
    case 'api clock':
    case 'alerts clock':
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
  const { lane, place } = planned;
  if (lane === 'doors') await befall(planned, (act) => act(stage.doors[place]!));
  else await befall(planned, (act) => stage.links[place]!.each(act));
  return standing(planned, stage)!;
}

/** `on` says which links it befalls. */
async function befall(
  { kind, ms, much }: PlannedFault,
  on: (act: (link: Link) => unknown) => unknown,
): Promise<void> {
  switch (kind.replace(/^\w+ /, '')) {
    case 'cut':
      await on((link) => link.cut());
      return;
    case 'away':
      await on((link) => link.away(true));
      await pause(ms);
      await on((link) => link.away(false));
      return;
    case 'half-open':
      await on((link) => link.halfOpen());
      return;
    case 'delay':
      await on((link) => link.delay(10 + Math.round(much * 150)));
      await pause(ms);
      await on((link) => link.delay(0));
      return;
    case 'stall':
      await on((link) => link.stall(true));
      await pause(ms);
      await on((link) => link.stall(false));
      return;
    case 'throttle':
      await on((link) => link.throttle(20_000 + much * 200_000));
      await pause(ms);
      await on((link) => link.throttle(0));
      return;
    case 'reply lost':
      await on((link) => link.loseReplies());
      return;
    default:
      throw new Error(`a link knows no "${kind}"`);
  }
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

async function onMail(planned: PlannedFault, { smtpLink, mailMood }: Stage): Promise<void> {
  const { kind, ms } = planned;
  if (['smtp away', 'smtp cut', 'smtp stall'].includes(kind))
    return befall(planned, (act) => act(smtpLink));
  mailMood(kind.slice('smtp '.length));
  await pause(ms);
  mailMood('fine');
}
