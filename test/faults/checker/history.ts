/**
 * A history: what writers who do not know of each other wrote down, what was done to the system, and
 * how everything ended. One JSON object a line. Times are milliseconds of the one monotonic clock of
 * the machine.
 */
export type Line =
  | Started
  | Answered
  | Broken
  | Enqueued
  | Verb
  | Steered
  | Faulted
  | Incident
  | Look
  | Mail
  | Ended;

/** The witness, a shop of ours, was asked to carry an item out. */
export interface Started {
  readonly by: 'witness';
  readonly did: 'started';
  readonly at: number;
  /** Ties what follows to this line. */
  readonly delivery: number;
  readonly queue: string;
  readonly id: number;
  /** What the producer calls it; carried in the data, so the product has no say in it. */
  readonly item: string;
  readonly key: string;
  readonly attempt: number;
  readonly fence: number;
  /** Who delivered it: an address that each process of its own has. */
  readonly process?: string;
}

/** It answered. */
export interface Answered {
  readonly by: 'witness';
  readonly did: 'answered';
  readonly at: number;
  readonly delivery: number;
  readonly status: number;
  /** What is to be done next because of it, named in the answer. */
  readonly caused?: readonly { readonly queue: string; readonly item: string }[];
}

/** The worker hung up before there was an answer. */
export interface Broken {
  readonly by: 'witness';
  readonly did: 'broken';
  readonly at: number;
  readonly delivery: number;
}

/** A producer asked for an item to be queued. */
export interface Enqueued {
  readonly by: 'producer';
  readonly did: 'accepted' | 'refused' | 'unknown';
  readonly asked: number;
  readonly answered: number;
  readonly queue: string;
  readonly item: string;
  /** Asking again under the same key must not queue it again. */
  readonly idempotencyKey: string | null;
  /** Items of one request, in its order. */
  readonly batch: string | null;
  /** Whether the answer promised that the item outlives the loss of a Redis. */
  readonly durable: boolean;
  /** Which API process was asked. */
  readonly place?: number;
  /** The number it was accepted under: these grow in the order of acceptance. Null unless accepted. */
  readonly id: number | null;
}

/** An operator dealt with an item; `unknown` may have worked, at once or later. */
export interface Verb {
  readonly by: 'operator';
  readonly did: 'retry' | 'skip' | 'resolve';
  readonly asked: number;
  readonly answered: number;
  readonly answer: 'done' | 'refused' | 'unknown';
  readonly queue: string;
  readonly id: number;
}

/** An operator paused a queue or let it run again. */
export interface Steered {
  readonly by: 'steering';
  readonly did: 'pause' | 'resume';
  readonly asked: number;
  readonly answered: number;
  readonly answer: 'done' | 'refused' | 'unknown';
  readonly queue: string;
}

/**
 * Something was done to the system, or was seen to befall it, and what it may really have cost:
 *  locks    the process could not renew its locks in this time
 *  answers  what the witness answered the process in this time may never have reached it
 *  memory   Redis may have forgotten what it was told in this time
 *  steps    the same, but for what was acknowledged: steps of the workers may be undone, and done again;
 *           `till` is when the master that may have forgotten them took nothing more
 */
export interface Faulted {
  readonly by: 'fault';
  readonly what: string;
  /** The process it befell; null befell them all. */
  readonly process: string | null;
  readonly may: 'locks' | 'answers' | 'memory' | 'steps';
  readonly from: number;
  readonly till: number;
}

/** What the system recorded as one trouble to tell people of, as somebody who looked saw it; each look is a time of its own. */
export interface Incident {
  readonly by: 'incident';
  readonly at: number;
  readonly incident: string;
  /** What is the matter, in the system's words: never twice in what was open at one look. */
  readonly about: string;
  readonly open: boolean;
  /** Items that stood in it. */
  readonly ids: readonly number[];
}

/** Somebody looked at every open incident and could read them all. */
export interface Look {
  readonly by: 'look';
  readonly at: number;
}

/** A mail that a mail server took. */
export interface Mail {
  readonly by: 'mail';
  readonly at: number;
  /** The incident it tells of; '' tells of something else. */
  readonly incident: string;
  readonly to: string;
  /** `first` and `recovery` come once to one reader, others may come again. */
  readonly stage: string;
  /** Message-ID: the same mail taken twice is one mail. */
  readonly id: string;
}

/** Where an item was found when all was over. */
export interface Ended {
  readonly by: 'end';
  readonly queue: string;
  readonly id: number;
  readonly item: string;
  readonly state: string;
}

/** What is known of the system beforehand. */
export interface Settings {
  /** A living worker loses no item sooner. */
  readonly lockMs: number;
  /** An item that this many workers died of fails without an answer. */
  readonly maxDeaths?: number;
  /** Queues whose items run side by side. */
  readonly parallel?: readonly string[];
  /** Completed items that a queue keeps; older ones are forgotten. Without it none may go. */
  readonly keepCompleted?: number;
  /** Key groups: a queue lies in one of them, and its numbers tell which. */
  readonly shards?: number;
  /** A failure that stands for so long, Redis being well, must be recorded and mailed; without it nobody need be told. */
  readonly noticeMs?: number;
  /** Who is to be told of every incident; without it, anybody. */
  readonly readers?: readonly string[];
  /** When nothing was done to the system: first with no queue blocked, then with some blocked on purpose. */
  readonly quiet?: { readonly before: Span; readonly beside: Span };
}

export interface Span {
  readonly from: number;
  readonly till: number;
}

export const toText = (lines: readonly Line[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

export const fromText = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
