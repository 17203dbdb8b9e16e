import { Agent, request } from 'node:http';
import { Chances } from '../campaign/chances.js';
import { Healthy } from './healthy.js';
import { Ledger } from './ledger.js';
import { type Fuzzed, requestOf, type Surface } from './requests.js';
import { Target } from './target.js';
import { judgeWire, mutated, play, wireCases } from './wire.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** The built product. */
  readonly product: string;
  /** Send only this one, and show it with its answer. */
  readonly only?: number | undefined;
  readonly progress: (line: string) => void;
}

export interface FuzzReport {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly accepted: number;
  readonly wire: { readonly cases: number; readonly mutated: number; readonly untold: number };
  readonly healthy: { readonly calls: number; readonly p99Ms: number; readonly maxMs: number };
  readonly rssMb: { readonly before: number; readonly after: number; readonly peak: number };
  readonly seconds: number;
  /** What must not have happened; each with the number of its request. */
  readonly violations: readonly string[];
}

const AT_ONCE = 16;
/** One request in so many is a good one whose bytes were changed on the wire. */
const WIRE_EVERY = 50;
const ANSWER_MS = 30_000;
/** More than that the process does not need, whatever comes. Megabytes. */
export const RSS_BOUND_MB = 768;
/** A client that behaves waits no longer, also beside all this. Milliseconds. */
export const LATENCY_BOUND_MS = 5_000;

/** Sends what no program should send, and looks whether anything but a refusal came of it. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const from = performance.now();
  const { seed, product, progress } = options;
  const target = await Target.start(product);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE * 2 });
  try {
    const surface = await target.surface(product);
    const violations: string[] = [];
    const statuses: Record<string, number> = {};
    const ledger = new Ledger();
    const before = target.memory().rss;
    if (options.only !== undefined) await show(seed, options.only, surface, target.port, agent);
    const healthy = new Healthy(target.api, ledger);
    const wire = options.only === undefined ? playAll(target.port, ledger, violations) : null;
    let next = 0;
    let sent = 0;
    const total = options.only === undefined ? options.requests : 0;
    const ticking = setInterval(
      () => progress(line(sent, total, statuses, ledger, target)),
      total > 10_000 ? 5_000 : 2_000,
    );
    const sender = async () => {
      for (let index = next++; index < total && !target.died; index = next++) {
        if (index % WIRE_EVERY === WIRE_EVERY - 1) {
          const result = await play(target.port, [mutated(new Chances(seed, index + 1))]);
          for (const id of result.queueIds) ledger.add(id, null);
          for (const status of result.statuses) count(statuses, status);
          if (result.statuses.length === 0) count(statuses, 0);
          if (result.statuses.some((status) => status >= 500 && status !== 505))
            violations.push(`#${index} on the wire: ${result.text.slice(0, 300)}`);
        } else {
          const one = requestOf(seed, index, surface);
          const answer = await send(one, target.port, agent);
          count(statuses, answer.status);
          const wrong = judge(one, answer) ?? noted(ledger, one, answer);
          const told =
            answer.status >= 500
              ? target.logged(/"requestId":"([^"]+)"/.exec(answer.text)?.[1])
              : '';
          if (wrong) violations.push(`#${index} ${wrong}${told}`);
        }
        sent += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
    await wire;
    clearInterval(ticking);
    const calls = await healthy.stop();
    progress(`${line(sent, total, statuses, ledger, target)}; comparing what is stored`);
    if (!target.died) await ledger.compare(target.api);
    const memory = target.memory();
    if (target.died) violations.push(`${target.died}: ${target.errors.slice(-2_000)}`);
    if (memory.peak > RSS_BOUND_MB) violations.push(`${memory.peak} MB of memory were needed`);
    if (calls.maxMs > LATENCY_BOUND_MS)
      violations.push(`a client that behaves waited ${calls.maxMs} ms`);
    violations.push(...healthy.failures, ...ledger.faults);
    return {
      requests: sent,
      statuses,
      accepted: ledger.size,
      wire: {
        cases: wireCases.length,
        mutated: Math.floor(total / WIRE_EVERY),
        untold: ledger.untold,
      },
      healthy: calls,
      rssMb: { before, after: memory.rss, peak: memory.peak },
      seconds: Math.round((performance.now() - from) / 1000),
      violations,
    };
  } finally {
    agent.destroy();
    await target.stop();
  }
}

interface Answered {
  /** 0 where the connection ended instead. */
  readonly status: number;
  readonly text: string;
}

function send(one: Fuzzed, port: number, agent: Agent): Promise<Answered> {
  return new Promise((resolve) => {
    const { method, path, body } = one;
    const end = (status: number, text: string) => resolve({ status, text });
    try {
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path: path.replace(/[^!-~]/g, encodeURIComponent),
          agent,
          timeout: ANSWER_MS,
        },
        (response) => {
          const status = response.statusCode ?? 0;
          const chunks: Buffer[] = [];
          // A stream of events has no end.
          if (/event-stream/.test(response.headers['content-type'] ?? '')) {
            end(status, '');
            asked.destroy();
            return;
          }
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', () => end(0, 'the answer was cut off'));
          response.on('end', () => end(status, Buffer.concat(chunks).toString()));
        },
      );
      asked.on('upgrade', () => end(101, ''));
      asked.on('connect', () => end(200, ''));
      asked.on('timeout', () => asked.destroy(new Error(`no answer in ${ANSWER_MS} ms`)));
      asked.on('error', (error) => end(0, error.message));
      for (const [name, value] of one.headers) asked.setHeader(name, value);
      if (body && !one.headers.some(([name]) => name === 'content-length'))
        asked.setHeader('content-length', body.length);
      asked.end(body ?? undefined);
    } catch (error) {
      end(-1, String(error));
    }
  });
}

/** What is wrong with an answer, or null. */
function judge(one: Fuzzed, { status, text }: Answered): string | null {
  const says = (what: string) =>
    `${what}: ${status} to ${one.method} ${one.path.slice(0, 150)} (${one.how}) ${text.slice(0, 300)}`;
  if (status === -1) return says('the fuzzer itself could not send it');
  if (status === 0) return says('no answer');
  if (status >= 500 || status < 200) return says('neither success nor refusal');
  if (status >= 300 && status < 400 && status !== 304 && !one.page)
    return says('a call of the API led elsewhere');
  if (one.refused && status < 400) return says('accepted, though it can be read in no way');
  return null;
}

function noted(ledger: Ledger, one: Fuzzed, { status, text }: Answered): string | null {
  if (status >= 300) return null;
  try {
    ledger.note(one.method, one.path, one.body, text);
    return null;
  } catch (error) {
    return `${one.method} ${one.path} was accepted, but it or its answer is not JSON: ${String(error)}`;
  }
}

async function playAll(port: number, ledger: Ledger, violations: string[]): Promise<void> {
  await Promise.all(
    wireCases.map(async (one) => {
      const result = await play(port, one.steps);
      for (const id of result.queueIds) ledger.add(id, null);
      const wrong = judgeWire(one, result);
      if (wrong) violations.push(wrong);
    }),
  );
}

async function show(seed: number, index: number, surface: Surface, port: number, agent: Agent) {
  const one = requestOf(seed, index, surface);
  const answer = await send(one, port, agent);
  console.log(one.how);
  console.log(`${one.method} ${one.path}`);
  for (const [name, value] of one.headers) console.log(`${name}: ${value}`);
  console.log(`\n${one.body?.toString().slice(0, 5_000) ?? ''}\n\n${answer.status} ${answer.text}`);
}

function count(statuses: Record<string, number>, status: number): void {
  statuses[status] = (statuses[status] ?? 0) + 1;
}

function line(
  sent: number,
  total: number,
  statuses: Record<string, number>,
  ledger: Ledger,
  target: Target,
): string {
  const kinds = new Map<string, number>();
  for (const [status, n] of Object.entries(statuses)) {
    const kind = status === '0' ? 'cut off' : `${status[0]}xx`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + n);
  }
  const counts = [...kinds].map(([kind, n]) => `${kind} ${n}`).join(', ');
  return `${sent} of ${total}: ${counts}; ${ledger.size} items accepted, ${target.memory().rss} MB`;
}
