/** One thing that is wrong, and where: `pointer` is an RFC 6901 JSON pointer into the request. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * What an answer can be refused by: `/problems/<name>` in its `type`, where a page says what to do.
 * Programs compare by it, so a name never changes its meaning.
 */
export type ProblemType =
  | 'bad-json'
  | 'bad-request'
  | 'conflict'
  | 'forbidden'
  | 'idempotency-key-reused'
  | 'internal'
  | 'invalid-input'
  | 'login-needed'
  | 'method-not-allowed'
  | 'not-found'
  | 'not-ready'
  | 'wrong-layout'
  | 'not-replicated'
  | 'store-unavailable'
  | 'too-large'
  | 'too-many-requests'
  | 'too-many-tries'
  | 'unauthorized'
  | 'unsupported-media-type';

/**
 * A refusal that the caller can act on. Each class below is one cause; `type` is stable and
 * `status` is how it is told over HTTP. Anything else that is thrown is a defect or an outage.
 */
export abstract class AndonError extends Error {
  abstract readonly type: ProblemType;
  abstract readonly status: number;
  /** Short, the same for every error of this class. */
  abstract readonly title: string;
  readonly errors: readonly Fault[] = [];
  /** Facts for programs, added to the problem+json body. */
  readonly facts: Readonly<Record<string, unknown>> = {};
}

/** More of them nobody reads, and an answer must not be many times the size of its request. */
const MOST_FAULTS = 100;

/** The request is not what it should be; `errors` says where and how. */
export class InvalidInput extends AndonError {
  readonly type = 'invalid-input';
  readonly title = 'The request is not valid';
  override readonly errors: readonly Fault[];
  readonly status: number;
  constructor(all: readonly Fault[], status = 422) {
    const errors = all.slice(0, MOST_FAULTS);
    const told = errors.map((e) => (e.pointer ? `${e.pointer}: ${e.detail}` : e.detail));
    if (all.length > errors.length) told.push(`and ${all.length - errors.length} more`);
    super(told.join('; '));
    this.errors = errors;
    this.status = status;
  }
}

/** A skip that leaves two systems apart for good, and nobody has said why that may be. Nothing was skipped. */
export class ReasonNeeded extends InvalidInput {
  /** The item that needs it: the one that was named, or a queued one that its scope takes along. */
  readonly queueId: number;
  constructor(queueId: number, instruction: string, named: number) {
    const what = `${queueId} (${instruction})`;
    const detail =
      queueId === named
        ? `is needed to skip item ${what}: what an add or a delete leaves undone stays different in the two systems until somebody sees to it. Say why it may be left`
        : `is needed: this skip takes item ${what} along, and what an add or a delete leaves undone stays different in the two systems until somebody sees to it. Say why, or skip only item ${named}`;
    super([{ pointer: '/reason', detail }]);
    this.queueId = queueId;
  }
}

/** The body is not the JSON it should be: broken, doubled keys, too deep, and so on. */
export class BadJson extends AndonError {
  readonly type = 'bad-json';
  readonly status = 400;
  readonly title = 'The body is not JSON that can be stored unchanged';
  override readonly errors: readonly Fault[];
  constructor(pointer: string, detail: string) {
    super(detail);
    this.errors = [{ pointer, detail }];
  }
}

export class NotFound extends AndonError {
  readonly type = 'not-found';
  readonly status = 404;
  readonly title = 'Not found';
}

/** There is such a path, but not for this method. */
export class MethodNotAllowed extends AndonError {
  readonly type = 'method-not-allowed';
  readonly status = 405;
  readonly title = 'This path does not take this method';
  /** What it takes. */
  readonly allow: readonly string[];
  constructor(method: string, path: string, allow: readonly string[]) {
    super(`${path} takes ${allow.join(', ')}, not ${method}; see /docs`);
    this.allow = allow;
  }
}

/** No key, or one that is not known. */
export class Unauthorized extends AndonError {
  readonly type = 'unauthorized';
  readonly status = 401;
  readonly title = 'A valid API key is needed';
}

/** The key is known but lacks the scope. */
export class Forbidden extends AndonError {
  readonly type = 'forbidden';
  readonly status = 403;
  readonly title = 'This key may not do that';
}

/** Nobody is logged in, or not any more. */
export class LoginNeeded extends AndonError {
  readonly type = 'login-needed';
  readonly status = 401;
  readonly title = 'You are not logged in, or your session has ended';
}

/** Somebody is logged in, whose role or clients do not allow it. */
export class NotAllowed extends AndonError {
  readonly type = 'forbidden';
  readonly status = 403;
  readonly title = 'You may not do that';
}

/** Too many wrong passwords. */
export class TooManyTries extends AndonError {
  readonly type = 'too-many-tries';
  readonly status = 429;
  readonly title = 'Too many failed logins';
  /** Seconds after which another try makes sense. */
  readonly retryAfter: number;
  constructor(retryAfter: number) {
    super(`too many failed logins: try again in ${inMinutes(retryAfter)}`);
    this.retryAfter = retryAfter;
  }
}

/** More requests than one key, or one address, may make. */
export class TooManyRequests extends AndonError {
  readonly type = 'too-many-requests';
  readonly status = 429;
  readonly title = 'Too many requests';
  /** What is limited, how much of it is allowed, and when it goes on. */
  readonly room: {
    readonly policy: string;
    readonly most: number;
    readonly period: number;
    readonly left: number;
    readonly reset: number;
  };
  /** Seconds after which another request makes sense. */
  readonly retryAfter: number;
  constructor(room: TooManyRequests['room']) {
    const { policy, most, period, reset } = room;
    super(`this ${policy} may make ${most} requests in ${period} s: go on in ${inMinutes(reset)}`);
    this.room = room;
    this.retryAfter = reset;
  }
}

const inMinutes = (seconds: number) =>
  seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;

/** What was asked does not fit the present state; `facts.state` tells it where there is one. */
export class Conflict extends AndonError {
  readonly type = 'conflict';
  readonly status = 409;
  readonly title = 'Not possible in the present state';
  override readonly facts: Readonly<Record<string, unknown>>;
  constructor(detail: string, facts: Record<string, unknown> = {}) {
    super(detail);
    this.facts = facts;
  }
}

/** An idempotency key came again with another request. */
export class IdempotencyMismatch extends AndonError {
  readonly type = 'idempotency-key-reused';
  readonly status = 422;
  readonly title = 'This Idempotency-Key was used for another request';
  override readonly errors: readonly Fault[];
  constructor(pointer: string) {
    const detail = 'this Idempotency-Key was used with another body within the last 7 days';
    super(detail);
    this.errors = [{ pointer, detail }];
  }
}

export class TooLarge extends AndonError {
  readonly type = 'too-large';
  readonly status = 413;
  readonly title = 'The body is too large';
}

export class UnsupportedMediaType extends AndonError {
  readonly type = 'unsupported-media-type';
  readonly status = 415;
  readonly title = 'The body must be application/json';
}

/** Redis cannot be asked now. Whether the last write was stored is not known: send it again with its key. */
export class StoreUnavailable extends AndonError {
  readonly type = 'store-unavailable';
  readonly status = 503;
  readonly title = 'The queue store cannot be reached';
  /** Seconds after which another try makes sense. */
  readonly retryAfter = 2;
}

/** The data in Redis are laid out otherwise than this program knows, or are being moved. */
export class WrongLayout extends AndonError {
  readonly type = 'wrong-layout';
  readonly status = 503;
  readonly title = 'The data are of another layout';
  /** Seconds after which another try makes sense. */
  readonly retryAfter = 10;
  /** `moving` passes by itself. */
  readonly kind: 'newer' | 'older' | 'moving';
  constructor(detail: string, kind: WrongLayout['kind']) {
    super(detail);
    this.kind = kind;
  }
}

/** This process takes no work now, or makes no progress; whoever sends it some sends it to another. */
export class NotReady extends AndonError {
  readonly type = 'not-ready';
  readonly status = 503;
  readonly title = 'This process is not ready';
}

/** `durability: replicated` and the write is on too few replicas: a failover now would lose it. */
export class NotReplicated extends AndonError {
  readonly type = 'not-replicated';
  readonly status = 503;
  readonly title = 'Stored, but not yet on a replica';
  /** Seconds after which another try makes sense. */
  readonly retryAfter = 2;
  /** @param wanted all that might take over, as far as that is known */
  constructor(replicas: number, wanted: number) {
    super(
      `not yet on ${wanted === 1 ? 'a replica' : `${wanted} replicas`} (${replicas} had it in time), so a failover might lose it: send it again with the same Idempotency-Key; a retry, skip or resolve that was stored answers 409 then`,
    );
  }
}

/** The start is refused; every problem is one sentence. */
export class BadConfig extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'BadConfig';
    this.problems = problems;
  }
}

/** What ioredis says of a command while it has no connection. */
const offline = "Stream isn't writeable and enableOfflineQueue options is false";

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replace(offline, 'Redis cannot be reached now');
}
