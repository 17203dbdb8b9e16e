import type { Cause } from '../connector.js';

/** How an outcome is told from an error that nobody meant, also when two copies of andon are installed. */
const BRAND = Symbol.for('andon.outcome');

/** What the classes of failure are, and the HTTP status of the far side where there was one. */
export interface Why {
  readonly cause?: Cause;
  readonly status?: number;
}

export interface Thrown {
  readonly kind: 'retry' | 'hold' | 'fail' | 'unknown';
  readonly cause: Cause;
  readonly status?: number;
  /** Milliseconds, of a hold whose end the far side named. */
  readonly forMs?: number;
}

/** What `retry`, `hold`, `fail` and `unknown` make, to be thrown. */
export class ThrownOutcome extends Error {
  readonly [BRAND]: Thrown;
  constructor(message: string, thrown: Thrown) {
    super(message);
    this.name = 'Outcome';
    this[BRAND] = thrown;
  }
}

/** It may work in a moment: the item keeps the head of its queue and backs off. */
export const retry = (message: string, { cause = 'connection', status }: Why = {}): Error =>
  new ThrownOutcome(message, { kind: 'retry', cause, status });

/**
 * The far side is down or throttles: the queue waits, no attempt is counted. `forMs` milliseconds when
 * the far side named a time; without it `ping` is asked until it answers.
 */
export const hold = (
  message: string,
  { forMs, cause = forMs === undefined ? 'connection' : 'throttled', status }: HoldWhy = {},
): Error => new ThrownOutcome(message, { kind: 'hold', cause, status, forMs });

export interface HoldWhy extends Why {
  readonly forMs?: number;
}

/** A person must act: a blocking queue blocks, and somebody is told `message`. */
export const fail = (message: string, { cause = 'data', status }: Why = {}): Error =>
  new ThrownOutcome(message, { kind: 'fail', cause, status });

/** Nobody knows whether it was carried out: `verify` is asked before it is sent again. */
export const unknown = (message: string, { cause = 'connection', status }: Why = {}): Error =>
  new ThrownOutcome(message, { kind: 'unknown', cause, status });

/** The outcome in something thrown; null when it was no outcome. */
export function thrownOutcome(thrown: unknown): Thrown | null {
  if (typeof thrown !== 'object' || thrown === null || !(BRAND in thrown)) return null;
  return thrown[BRAND] as Thrown;
}

/** What `alreadyDone` and `notThere` make, to be returned. */
export interface Found {
  readonly [BRAND]: 'there' | 'not-there';
  readonly result?: unknown;
}

/** Returned by `run` or `verify`: it was found carried out already. `result`: what was found. */
export const alreadyDone = (result?: unknown): Found => ({ [BRAND]: 'there', result });

/** Returned by `verify`: it is certain that the far side does not have it. */
export const notThere = (): Found => ({ [BRAND]: 'not-there' });

/** What was found, in something returned; null when it was an ordinary result. */
export function found(returned: unknown): { is: 'there' | 'not-there'; result: unknown } | null {
  if (typeof returned !== 'object' || returned === null || !(BRAND in returned)) return null;
  const { [BRAND]: is, result } = returned as Found;
  return { is, result };
}
