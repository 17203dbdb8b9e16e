import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign } from './campaign/campaign.js';
import { type Recovery, recoveries } from './campaign/recovery.js';
import { excerpt, page, type Report } from './campaign/report.js';
import { type RollingReport, rolling } from './campaign/rolling.js';
import { check } from './checker/checker.js';
import { fromText } from './checker/history.js';
import { compared } from './checker/neighbours.js';
import { tell, type Violation } from './checker/story.js';
import { fuzz } from './fuzz/fuzz.js';
import { prove } from './seeded-bugs/prove.js';

/** `npm run faults -- --minutes 5 --seed 1`: docs/faults.md tells how to read what comes out. */
const HELP = `npm run faults -- [options]

  --big            the long run: until there were 300,000 deliveries and 500 faults, at most 45 minutes;
                   sets minutes 45, queues 120, rate 400, intensity 0.3, unless they are given
  --minutes N      how long faults are made, at most (5)
  --deliveries N   ends when there were so many deliveries,
  --faults N       and so many faults
  --seed N         the whole schedule follows from it (by chance, and printed)
  --queues N       channels, 20 to 200 (60)
  --rate N         items a second (350)
  --intensity N    1 is a fault about every 1.4 s (1)
  --lock MS        lock of a delivery (2000)
  --topology T     single, sentinel or cluster: what Redis is (single)
  --durability D   local or replicated: what is promised of what was acknowledged (replicated, but for single)
  --forgetful      also cut the tail of Redis's file: the last moment may be lost, and is not judged
  --overnight      8 hours, one hour a seed, until the first violation
  --out DIR        where report.json, report.html and the history go (a new directory)
  --product DIR    the built product (.)
  --judge DIR      instead: judges the history again that a run has left in DIR
  --rolling N      instead: N rounds in which every process is stopped and started anew under load
  --fuzz N         instead: N requests that no program should send, to an API process of its own
  --only N         of --fuzz: send and show request N of the seed only
  --prove [--only WORD] [--all]
                   put each seeded bug into a copy of the product and see that it is caught;
                   by the first tool that should, or by all of them
`;

const { values } = parseArgs({
  options: {
    big: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    deliveries: { type: 'string' },
    faults: { type: 'string' },
    seed: { type: 'string' },
    queues: { type: 'string' },
    rate: { type: 'string' },
    intensity: { type: 'string' },
    lock: { type: 'string', default: '2000' },
    topology: { type: 'string', default: 'single' },
    durability: { type: 'string' },
    forgetful: { type: 'boolean', default: false },
    overnight: { type: 'boolean', default: false },
    out: { type: 'string' },
    product: { type: 'string', default: '.' },
    prove: { type: 'boolean', default: false },
    only: { type: 'string' },
    fuzz: { type: 'string' },
    rolling: { type: 'string' },
    judge: { type: 'string' },
    all: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const sizes = {
  usual: { minutes: '5', queues: '60', rate: '350', intensity: '1', deliveries: '0', faults: '0' },
  big: {
    minutes: '45',
    queues: '120',
    rate: '400',
    intensity: '0.3',
    deliveries: '300000',
    faults: '500',
  },
};
const size = { ...sizes[values.big ? 'big' : 'usual'] };
for (const name of Object.keys(size) as (keyof typeof size)[])
  size[name] = values[name] ?? size[name];

function oneOf<T extends string>(all: readonly T[], word: string): T {
  const found = all.find((one) => one === word);
  if (!found) throw new Error(`"${word}" must be one of ${all.join(', ')}`);
  return found;
}

async function run(seed: number, minutes: number): Promise<boolean> {
  const topology = oneOf(['single', 'sentinel', 'cluster'], values.topology);
  const safest = topology === 'single' ? 'local' : 'replicated';
  const durability = oneOf(['local', 'replicated'], values.durability ?? safest);
  const directory = values.out ?? (await mkdtemp(join(tmpdir(), 'andon-faults-')));
  console.log(`seed ${seed}, ${minutes} minutes; everything is written to ${directory}`);
  const report = await campaign({
    seed,
    ms: minutes * 60_000,
    aims:
      Number(size.deliveries) + Number(size.faults) > 0
        ? { deliveries: Number(size.deliveries), faults: Number(size.faults) }
        : null,
    quietMs: Math.min(15_000, Math.max(5_000, minutes * 2_000)),
    queues: Number(size.queues),
    rate: Number(size.rate),
    intensity: Number(size.intensity),
    lockMs: Number(values.lock),
    forgetful: values.forgetful,
    topology,
    durability,
    directory,
    product: values.product,
    progress: (line) => console.log(line),
  });
  await writeFile(join(directory, 'report.json'), JSON.stringify(report, null, 1));
  await writeFile(join(directory, 'report.html'), page(report));
  tellOfRecovery(report.recoveries);
  const { neighbours } = report;
  console.log(
    neighbours
      ? `p99 of waits: ${neighbours.beforeP99Ms} ms before the first fault, ${neighbours.besideP99Ms} ms beside blocked queues`
      : 'waits beside blocked queues could not be compared: the machine itself stood still then',
  );
  for (const { who, maxMb } of report.memory) console.log(`${who.padEnd(26)} ${maxMb} MB at most`);
  for (const complaint of report.complaints) console.log(`VIOLATION ${complaint}`);
  tellOf(report.violations);
  const bad = report.violations.length + report.complaints.length;
  console.log(
    `seed ${seed}: ${report.faults.length} faults, ${report.counts['deliveries']} deliveries, ${bad} violations (judged in ${Math.round(report.judgingMs)} ms). ${join(directory, 'report.html')}`,
  );
  return bad === 0;
}

async function runFuzz(seed: number, requests: number): Promise<boolean> {
  console.log(`seed ${seed}, ${requests} requests`);
  const only = values.only === undefined ? undefined : Number(values.only);
  const { violations, ...report } = await fuzz({
    seed,
    requests,
    only,
    product: values.product,
    progress: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, null, 1));
  for (const violation of violations.slice(0, 50)) console.log(`VIOLATION ${violation}`);
  console.log(`seed ${seed}: ${report.requests} requests, ${violations.length} violations`);
  return violations.length === 0;
}

async function judgeAgain(directory: string): Promise<boolean> {
  const report = JSON.parse(await readFile(join(directory, 'report.json'), 'utf8')) as Report;
  const lines = fromText(await readFile(join(directory, 'all.jsonl'), 'utf8'));
  const violations = check(lines, report.judged);
  console.log(JSON.stringify(compared(tell(lines, report.judged))));
  tellOf(violations);
  tellOfRecovery(recoveries(report.faults, lines, report.judged.lockMs));
  console.log(`${lines.length} lines, ${violations.length} violations`);
  return violations.length === 0;
}

function tellOfRecovery(all: readonly Recovery[]): void {
  for (const { kind, times, medianMs, maxMs, goalMs } of all) {
    const goal =
      goalMs === null ? '' : maxMs > goalMs ? `, over the goal of ${goalMs}` : `, goal ${goalMs}`;
    console.log(
      `${kind.padEnd(26)} ${String(times).padStart(4)} times, median ${medianMs} ms, longest ${maxMs} ms${goal}`,
    );
  }
}

function tellOf(violations: readonly Violation[]): void {
  for (const violation of violations.slice(0, 10))
    console.log(
      `VIOLATION ${violation.rule}: ${violation.queue}, ${violation.item} ${violation.says}\n${excerpt(violation)}`,
    );
}

async function runRolling(seed: number, rounds: number): Promise<boolean> {
  const directory = values.out ?? (await mkdtemp(join(tmpdir(), 'andon-rolling-')));
  console.log(`seed ${seed}, ${rounds} rounds; everything is written to ${directory}`);
  const report = await rolling({
    seed,
    rounds,
    queues: Number(values.queues ?? 40),
    rate: Number(values.rate ?? 150),
    // The longest delivery takes two of these, and the grace of a stop is 10 s.
    lockMs: 4_000,
    gapMs: 1_000,
    directory,
    product: values.product,
    progress: (line) => console.log(line),
  });
  console.log(rollingInWords(report));
  const bad = [
    ...report.complaints,
    ...report.violations.map(({ rule, says }) => `${rule}: ${says}`),
  ];
  for (const one of bad.slice(0, 10)) console.log(`VIOLATION ${one}`);
  console.log(`seed ${seed}: ${report.restarts} restarts, ${bad.length} violations`);
  return bad.length === 0 && report.drainedMs !== null;
}

function rollingInWords(report: RollingReport): string {
  const { deliveries, accepted, unanswered, cutOff, longestGapMs, drainedMs } = report;
  const range = (all: readonly number[]) =>
    `${Math.round(all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0)} ms, longest ${Math.round(Math.max(0, ...all))} ms`;
  return [
    `${accepted} items accepted, ${deliveries} deliveries, ${cutOff} of them cut off by a stop`,
    `${unanswered} requests not answered and sent again with their keys`,
    `no delivery started anywhere for ${longestGapMs} ms at the most`,
    `drained in ${drainedMs === null ? 'vain' : `${Math.round(drainedMs)} ms`}`,
    ...(['worker', 'api', 'alerts'] as const).map(
      (role) =>
        `${role}: stop median ${range(report.stopsMs[role])}; start median ${range(report.startsMs[role])}`,
    ),
  ].join('\n');
}

if (values.help) {
  console.log(HELP);
} else if (values.prove) {
  process.exitCode = (await prove(values)) ? 0 : 1;
} else if (values.judge !== undefined) {
  process.exitCode = (await judgeAgain(values.judge)) ? 0 : 1;
} else if (values.rolling !== undefined) {
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  process.exitCode = (await runRolling(seed, Number(values.rolling))) ? 0 : 1;
} else if (values.fuzz !== undefined) {
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  process.exitCode = (await runFuzz(seed, Number(values.fuzz))) ? 0 : 1;
} else {
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  let good = true;
  if (values.overnight)
    for (let hour = 0; hour < 8 && good; hour += 1) good = await run(seed + hour, 60);
  else good = await run(seed, Number(size.minutes));
  process.exitCode = good ? 0 : 1;
}
