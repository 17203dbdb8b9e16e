import { Chances } from './chances.js';
import type { Topology } from './store.js';

/** What can be done to a process, to a link, to Redis, to the far side. docs/faults.md tells of each. */
export const kinds = {
  processes: [
    'worker kill',
    'worker restart',
    'worker sleep',
    'worker clock',
    'api kill',
    'api restart',
    'api sleep',
    'api clock',
  ],
  links: [
    'link cut',
    'link away',
    'link half-open',
    'link delay',
    'link stall',
    'link throttle',
    'link reply lost',
  ],
  redis: [
    'redis kill',
    'redis slow load',
    'redis stall',
    'redis read-only',
    'redis full',
    'redis no clients',
    'redis clients killed',
    'redis scripts forgotten',
    'redis clock',
    'master kill',
    'master kill, replicas lag',
    'master hang',
    'master steps down',
    'sentinels away',
    'slot move',
  ],
  doors: [
    'door cut',
    'door away',
    'door half-open',
    'door delay',
    'door stall',
    'door throttle',
    'door reply lost',
  ],
  shop: [
    'shop 500',
    'shop 429',
    'shop 503',
    'shop hang',
    'shop late',
    'shop cut',
    'shop stall',
    'shop reply lost',
  ],
  alerts: ['alerts kill', 'alerts restart', 'alerts sleep', 'alerts clock'],
  mail: ['smtp away', 'smtp refuses', 'smtp hangs', 'smtp drops', 'smtp cut', 'smtp stall'],
} as const;

export type Lane = keyof typeof kinds;
export type Kind = (typeof kinds)[Lane][number] | 'redis tail cut';

const failovers: readonly Kind[] = [
  'master kill',
  'master kill, replicas lag',
  'master hang',
  'master steps down',
];
const anywhere: readonly Kind[] = ['redis clients killed', 'redis scripts forgotten'];

/** What can be done to Redis in each of its shapes. */
export const redisKinds: Record<Topology, readonly Kind[]> = {
  single: kinds.redis.slice(0, kinds.redis.indexOf('master kill')),
  sentinel: [...failovers, 'sentinels away', ...anywhere],
  cluster: [...failovers, 'slot move', 'slot move', ...anywhere],
};

export interface PlannedFault {
  /** Milliseconds after the start of the load. */
  readonly at: number;
  readonly lane: Lane;
  readonly kind: Kind;
  /** Which worker, API process or link. */
  readonly place: number;
  /** How long it lasts, in milliseconds; 0 for a blow. */
  readonly ms: number;
  /** How much, in a unit that the kind knows. */
  readonly much: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly ms: number;
  readonly lockMs: number;
  /** 1 is a fault every 1.4 s over all lanes; 2 is twice as many. */
  readonly intensity: number;
  /** Whether Redis may forget its last moment: faults that lose what was acknowledged. */
  readonly forgetful: boolean;
  readonly topology: Topology;
  /** What cannot be done on this machine. */
  readonly without: readonly Kind[];
  readonly workers: number;
  readonly apis: number;
  readonly alerters: number;
}

/** Mean time between faults of a lane, in milliseconds. */
const every: Record<Lane, number> = {
  processes: 3_000,
  links: 5_000,
  doors: 6_000,
  redis: 11_000,
  shop: 8_000,
  alerts: 20_000,
  mail: 11_000,
};

/** The whole schedule, from the seed alone. */
export function plan(options: PlanOptions): PlannedFault[] {
  const lanes = Object.keys(kinds) as Lane[];
  return lanes
    .flatMap((lane, n) => laneOf(lane, new Chances(options.seed, 100 + n), options))
    .sort((a, b) => a.at - b.at);
}

function laneOf(lane: Lane, lot: Chances, options: PlanOptions): PlannedFault[] {
  const { lockMs, workers, apis, alerters, intensity, topology, without } = options;
  const faults: PlannedFault[] = [];
  const mean = every[lane] / intensity;
  const possible = lane === 'redis' ? redisKinds[topology] : kinds[lane];
  const all: Kind[] = possible.filter((kind) => !without.includes(kind));
  if (lane === 'redis' && topology === 'single' && options.forgetful)
    all.push('redis tail cut', 'redis tail cut');
  // Every kind comes before any comes again.
  let bag: Kind[] = [];
  for (let at = mean * lot.next(); at < options.ms - 1_000; at += mean * (0.3 + 1.4 * lot.next())) {
    if (bag.length === 0) bag = [...all];
    const kind = lot.one(bag);
    bag.splice(bag.indexOf(kind), 1);
    const places = kind.startsWith('worker')
      ? workers
      : kind.startsWith('api') || lane === 'doors'
        ? apis
        : lane === 'alerts'
          ? alerters
          : workers + apis + alerters;
    const ms = Math.min(lasting(kind, lockMs, lot), options.ms - at);
    faults.push({
      at: Math.round(at),
      lane,
      kind,
      place: lot.between(0, places - 1),
      ms,
      much: lot.next(),
    });
    at += ms;
  }
  return faults;
}

function lasting(kind: Kind, lockMs: number, lot: Chances): number {
  switch (kind) {
    case 'worker sleep':
      return lot.between(lockMs * 1.1, lockMs * 3);
    case 'api sleep':
    case 'redis stall':
    case 'link stall':
      return lot.between(lockMs * 0.3, lockMs * 2);
    case 'redis kill':
    case 'redis tail cut':
      return lot.chance(0.5) ? 0 : lot.between(200, 3_000);
    case 'alerts sleep':
      // Now and then for longer than whoever stands by waits for one that is silent.
      return lot.chance(0.4) ? lot.between(16_000, 20_000) : lot.between(500, 5_000);
    case 'redis slow load':
      return lot.between(300, 1_500);
    case 'link cut':
    case 'link half-open':
    case 'link reply lost':
    case 'redis clients killed':
    case 'redis scripts forgotten':
    case 'worker kill':
    case 'worker restart':
    case 'worker clock':
    case 'api clock':
    case 'redis clock':
    case 'door cut':
    case 'door half-open':
    case 'door reply lost':
    case 'master kill':
    case 'master hang':
    case 'master steps down':
    case 'slot move':
    case 'api kill':
    case 'api restart':
    case 'shop cut':
    case 'alerts kill':
    case 'alerts restart':
    case 'alerts clock':
    case 'smtp cut':
      return 0;
    case 'shop hang':
    case 'shop stall':
      return lot.between(300, 2_000);
    default:
      return lot.between(300, 3_000);
  }
}
