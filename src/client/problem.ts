import type { Fault } from '../errors.js';

/** An RFC 9457 body as the API sends it; more members may follow. */
export interface Problem {
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
  readonly problem: Problem;
  /** Seconds after which the API asks to be tried again. */
  readonly retryAfter: number | undefined;
  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail || problem.title);
    this.status = problem.status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or none that Andon would give. Whether a write was stored is not known. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly url: string;
  constructor(url: string, sentence: string, cause?: unknown) {
    super(sentence, { cause });
    this.url = url;
  }
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
