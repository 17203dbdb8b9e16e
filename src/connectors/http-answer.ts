import type { Json, JsonObject } from '../json.js';
import {
  type Cause,
  causes,
  type Failure,
  type FollowUp,
  type Outcome,
  type PartOfItem,
  type Verdict,
} from './connector.js';
import type { Answer, ExchangeError } from './exchange.js';

/** What an answer means for the item, and what it adds to the item's log. */
export interface Judgement {
  readonly outcome: Outcome;
  readonly log: readonly string[];
  /** What became of single parts of the item, also where the whole did not succeed. */
  readonly parts: readonly PartOfItem[];
}

/** Limits on what a far side may put into our logs and mails. */
const MESSAGE_CHARACTERS = 300;
const LOG_LINES = 100;
const LOG_LINE_CHARACTERS = 1_000;
const PARTS_MOST = 5_000;

/** What `Retry-After` is taken for, in milliseconds: accounting systems do lock a caller out for a day. */
const HOLD_MS = { least: 1_000, most: 86_400_000 };

/** Reads an answer as DESIGN §5 has it. `who` names the far side: "the shop". */
export function judge(answer: Answer, who: string): Judgement {
  const body = parse(answer.body);
  const fields: JsonObject = isObject(body) ? body : {};
  const parts = partsOf(fields.parts);
  const success = answer.status >= 200 && answer.status < 300;
  return success
    ? { outcome: ofSuccess(answer, body, fields, who), log: logOf(fields.log), parts }
    : { outcome: ofRefusal(answer, fields, who), log: [], parts };
}

/** What an exchange without a whole answer means. Never called for one that we ended ourselves. */
export function judgeError(error: ExchangeError, who: string): Outcome {
  if (error.kind === 'refused-address') return fail('data', error.message);
  if (error.kind !== 'too-large') {
    const failure: Failure = { message: error.message, cause: 'connection' };
    return { kind: error.sent ? 'unknown' : 'retry', failure };
  }
  const head = error.answer;
  // An error page may be as long as it likes: the status says enough.
  if (head && head.status >= 300) return judge(head, who).outcome;
  return fail('bug', error.message, head?.status);
}

/** Reads the answer to "was it carried out?". */
export function judgeLook(answer: Answer, who: string): Verdict {
  const body = parse(answer.body);
  const fields: JsonObject = isObject(body) ? body : {};
  const { found, result } = fields;
  const { status } = answer;
  if (status >= 200 && status < 300 && typeof found === 'boolean') {
    if (!found) return { kind: 'not-there' };
    const done = withFollowUps({ kind: 'already-done', result }, fields, who, status);
    return 'failure' in done ? { ...done, kind: 'unknown' } : { ...done, kind: 'there' };
  }
  const message = `${who} does not say whether it is there (it answered ${status})`;
  const cause = status >= 500 || status === 429 ? 'connection' : 'bug';
  return { kind: 'unknown', failure: { message, cause, status } };
}

function ofSuccess(
  { status, headers, body: text }: Answer,
  body: Json | undefined,
  fields: JsonObject,
  who: string,
): Outcome {
  if (text.trim() === '') return { kind: 'done' };
  if (body === undefined) {
    const type = headers['content-type'] ?? '';
    if (/^text\/html\b/i.test(type) || /^\s*<(!doctype|html)\b/i.test(text))
      return fail('bug', `${who} answered a page instead of JSON: is the URL right?`, status);
    // It may be a declared error that was cut off; taking it for a success could lose work.
    if (/\bjson\b/i.test(type))
      return fail('bug', `${who} answered ${status} with JSON that cannot be read`, status);
    return { kind: 'done' };
  }
  if (isDeclaredFailure(fields))
    return failed(
      told(fields) ?? `${who} answered ${status} but reports a failure`,
      fields,
      status,
    );
  return withFollowUps({ kind: 'done', result: fields.result }, fields, who, status);
}

function ofRefusal(answer: Answer, fields: JsonObject, who: string): Outcome {
  const { status, headers } = answer;
  const message = told(fields) ?? firstLine(answer.body) ?? `${who} answered ${status}`;
  const failure = (cause: Cause): Failure => ({
    message,
    cause: declared(fields) ?? cause,
    status,
  });
  if (status === 409 && fields.outcome === 'already_done')
    return withFollowUps({ kind: 'already-done', result: fields.result }, fields, who, status);
  if (status === 429 || status === 503) {
    const cause = status === 429 ? 'throttled' : 'connection';
    return { kind: 'hold', failure: failure(cause), forMs: retryAfter(headers['retry-after']) };
  }
  // A gateway that lost the far side does not know what became of the request either.
  if (status === 502 || status === 504) return { kind: 'unknown', failure: failure('connection') };
  if (status === 408 || status === 425 || status >= 500)
    return { kind: 'retry', failure: failure('connection') };
  if (status < 400) return fail('bug', redirected(headers.location), status);
  return { kind: 'fail', failure: failure(causeOf(status, message)) };
}

/** What it causes is only looked at here for being a list of objects; the fleet checks each. */
function withFollowUps(
  outcome: Extract<Outcome, { kind: 'done' | 'already-done' }>,
  { followUps }: JsonObject,
  who: string,
  status: number,
): Outcome {
  if (!isFilled(followUps)) return outcome;
  if (!Array.isArray(followUps) || !followUps.every(isObject))
    return fail('bug', `${who} answered followUps that are no list of items`, status);
  return { ...outcome, followUps: followUps as unknown as FollowUp[] };
}

/** The class of a refusal, from its status and, where that leaves it open, its words. */
function causeOf(status: number, message: string): Cause {
  const known = causeOfStatus[status];
  if (known) return known;
  if (ofDuplicates.test(message)) return 'duplicate';
  return ofConflicts.has(status) ? 'conflict' : 'data';
}

/** 402: the account is not paid for, which nobody but its owner can put right. 405 and the like: the URL is not that of a connector. */
const causeOfStatus: Readonly<Record<number, Cause>> = {
  401: 'credentials',
  402: 'credentials',
  403: 'credentials',
  407: 'credentials',
  405: 'bug',
  406: 'bug',
  411: 'bug',
  415: 'bug',
  426: 'bug',
};
/** Conflict, precondition failed, locked, precondition required. */
const ofConflicts: ReadonlySet<number> = new Set([409, 412, 423, 428]);
const ofDuplicates =
  /\bduplicate(s|d)?\b|\balready (exists?|in use|taken|present)\b|\b(has already been|is already) taken\b|\bnot unique\b|_NOT_UNIQUE\b/i;

/** A far side that knows our classes may say which it is: `"cause": "duplicate"`. */
const declared = ({ cause }: JsonObject): Cause | undefined =>
  causes.find((known) => known === cause);

/** A success that declares a failure. */
const failed = (message: string, fields: JsonObject, status: number): Outcome =>
  fail(declared(fields) ?? (ofDuplicates.test(message) ? 'duplicate' : 'data'), message, status);

const fail = (cause: Cause, message: string, status?: number): Outcome => ({
  kind: 'fail',
  failure: { message, cause, status },
});

const redirected = (location: string | undefined): string =>
  `redirects are not followed: give the final URL${location ? ` (${clean(location)})` : ''}`;

/** `Retry-After` is seconds or a date, such as `Fri, 21 Nov 2026 10:00:00 GMT`. Milliseconds, within bounds; undefined when it says nothing. */
function retryAfter(value = ''): number | undefined {
  const asked = /^\s*\d+\s*$/.test(value)
    ? Number(value) * 1000
    : /^\s*[a-z]{3}/i.test(value) && Date.parse(value) - Date.now();
  if (asked === false || Number.isNaN(asked)) return undefined;
  return Math.min(HOLD_MS.most, Math.max(HOLD_MS.least, asked));
}

const isDeclaredFailure = (fields: JsonObject): boolean =>
  isFilled(fields.error) || fields.outcome === 'failed';

/** The sentence in a problem+json body, or in what is common besides it. */
function told(fields: JsonObject): string | null {
  const { detail, title, error, message } = fields;
  const inner = isObject(error) ? [error.detail, error.message, error.title] : [error];
  for (const text of [detail, title, ...inner, message])
    if (typeof text === 'string' && clean(text) !== '') return clean(text);
  return isFilled(error) ? clean(JSON.stringify(error)) : null;
}

/** First line that a person would see of a text or page. */
function firstLine(body: string): string | null {
  const text = body
    .slice(0, 8_192)
    .replace(/<(script|style)\b.*?<\/\1>/gis, '')
    .replace(/<[^<>]*>/g, '\n');
  return (
    text
      .split('\n')
      .map((line) => clean(line))
      .find(Boolean) ?? null
  );
}

function logOf(log: Json | undefined): string[] {
  const lines = Array.isArray(log) ? log : [log];
  return lines
    .slice(0, LOG_LINES)
    .filter((line): line is string => typeof line === 'string')
    .map((line) => clean(line, LOG_LINE_CHARACTERS));
}

/** Parts as `{kind, key, state: "done" | "failed", message?}`; what is none is left out. */
function partsOf(parts: Json | undefined): PartOfItem[] {
  if (!Array.isArray(parts)) return [];
  return parts.slice(0, PARTS_MOST).flatMap((part) => {
    if (!isObject(part) || (part.state !== 'done' && part.state !== 'failed')) return [];
    const [kind, key] = [part.kind, part.key].map((text) => clean(String(text ?? ''), 255));
    if (!kind || !key) return [];
    const message = typeof part.message === 'string' ? { message: clean(part.message) } : {};
    return [{ kind, key, state: part.state, ...message }];
  });
}

/** One line without control characters: far sides are not trusted to write into terminals and mails. */
const clean = (text: string, most: number = MESSAGE_CHARACTERS): string =>
  text
    .slice(0, 4 * most)
    .replace(/\s+/g, ' ')
    .slice(0, most)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
    .trim();

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `"error": null`, `0`, `""` and `[]` all say that there is none. */
const isFilled = (value: Json | undefined): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
