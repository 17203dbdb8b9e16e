import type { Fault, ProblemType } from '../errors.js';

/** An RFC 9457 body as the API sends it; more members may follow. */
export interface Problem {
  /** `/problems/<name>`: at the address of the API, the page that says what to do. */
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: Fault[];
  requestId?: string;
  [fact: string]: unknown;
}

/** The API understood the request and said no, or failed at it (5xx). */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  /** The name of the problem, as `conflict`; `unknown` when somebody in between answered in his own words. */
  readonly type: ProblemType | 'unknown';
  /** What is wrong in the request, and where. */
  readonly errors: readonly Fault[];
  readonly problem: Problem;
  /** Seconds after which the API asks to be tried again. */
  readonly retryAfter: number | undefined;
  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail || problem.title);
    this.status = problem.status;
    this.type = nameOf(problem.type);
    this.errors = problem.errors ?? [];
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or none that Andon would give. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly url: string;
  /**
   * `no`: the request never left. `maybe`: it may have been carried out, and nobody knows; only an
   * enqueue with its idempotency key, or what changes nothing, may be sent again unseen.
   */
  readonly sent: 'no' | 'maybe';
  constructor(url: string, sentence: string, cause?: unknown, sent: 'no' | 'maybe' = 'maybe') {
    super(sentence, { cause });
    this.url = url;
    this.sent = sent;
  }
}

/** Something answers at that address, but it is not Andon. */
export class NotAndon extends Unreachable {}

/** A newer Andon may have names that this client does not know: they are passed on as they are. */
function nameOf(type: string): ProblemType | 'unknown' {
  const [, name] = /\/problems\/([a-z-]+)$/.exec(type) ?? [];
  return (name ?? 'unknown') as ProblemType | 'unknown';
}

/** Reads a problem+json answer; a proxy in between may have answered in its own words. */
export function problemOf(status: number, text: string): Problem {
  const about = { type: 'about:blank', title: `The answer was HTTP ${status}`, status };
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) return { ...about, ...body, status };
  } catch {
    // Not JSON: what the status says has to do.
  }
  return about;
}

/** Retry-After comes as seconds or as a date. */
export function secondsOf(header: string | null, now = Date.now()): number | undefined {
  if (!header) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
