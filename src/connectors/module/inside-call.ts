import { z } from 'zod';
import { inWords } from '../../config/in-words.js';
import { messageOf } from '../../errors.js';
import type { JsonObject } from '../../json.js';
import type { FollowUp, PartOfItem } from '../connector.js';
import type { AnyDefinition, LookContext, RunContext, Surroundings } from './author.js';
import { moduleFetch } from './inside-fetch.js';
import {
  followUpSchema,
  type ModuleAnswer,
  type Parcel,
  partSchema,
  type What,
} from './messages.js';
import { fail, found, thrownOutcome, unknown } from './outcomes.js';

/** What a call may do towards the main thread. */
export interface Line {
  log(line: string): void;
  progress(json: string): void;
  report(part: PartOfItem): Promise<void>;
}

/** What every call into a module is made with. */
export interface Room {
  readonly definition: AnyDefinition;
  readonly options: unknown;
  readonly secrets: unknown;
}

/** Why a call was told to end; `late` when its time was over. */
export class Ended extends Error {
  readonly late: boolean;
  constructor(message: string, late: boolean) {
    super(message);
    this.name = 'AbortError';
    this.late = late;
  }
}

export interface Settled {
  readonly answer: ModuleAnswer;
  readonly stack?: string;
}

/** One call into a module, from its parcel to an answer. Never throws. */
export async function carryOut(
  what: What,
  parcel: Parcel | null,
  room: Room,
  line: Line,
  signal: AbortSignal,
): Promise<Settled> {
  try {
    if (what === 'ping' || !parcel) return { answer: await ping(room, line, signal) };
    const answer = await (what === 'run' ? run : verify)(parcel, room, line, signal);
    // What cannot be JSON shows here, where it is still the module's own mistake.
    return { answer: JSON.parse(JSON.stringify(answer)) as ModuleAnswer };
  } catch (thrown) {
    return ofThrown(thrown, signal);
  }
}

function ofThrown(thrown: unknown, signal: AbortSignal): Settled {
  const told = thrownOutcome(thrown);
  const message = messageOf(thrown) || 'it threw an error without a message';
  if (told) {
    const { kind, cause, status, forMs } = told;
    const failure = { message, cause, status };
    return { answer: kind === 'hold' ? { kind, failure, forMs } : { kind, failure } };
  }
  // Whatever an abort made of the module's calls: how far they had come, nobody knows.
  if (signal.aborted) {
    const failure = { message: messageOf(signal.reason), cause: 'connection' } as const;
    return { answer: { kind: 'unknown', failure } };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { answer: { kind: 'fail', failure: { message, cause: 'bug' } }, stack };
}

async function ping(room: Room, line: Line, signal: AbortSignal): Promise<ModuleAnswer> {
  await room.definition.ping?.(surroundings(room, line, signal));
  return { kind: 'pong' };
}

async function run(parcel: Parcel, room: Room, line: Line, signal: AbortSignal) {
  const instruction = room.definition.instructions[parcel.instruction];
  if (!instruction)
    throw fail(`this connector has no instruction ${parcel.instruction}`, { cause: 'bug' });
  const data = await read(instruction.data, parcel.data, 'data');
  const parts = [...parcel.parts];
  const followUps: FollowUp[] = [];
  const context: RunContext<unknown, unknown, unknown> = {
    ...look(parcel, data, followUps, room, line, signal),
    progress: (value) => line.progress(JSON.stringify(value)),
    report: async (part) => {
      const checked = partSchema.parse(part);
      parts.push(checked);
      await line.report(checked);
    },
    isDone: (kind, key) =>
      parts.findLast((part) => part.kind === kind && part.key === key)?.state === 'done',
  };
  const returned = await instruction.run(context);
  const was = found(returned);
  if (was?.is === 'not-there') throw new Error('notThere() is an answer of verify, not of run');
  const result = was ? was.result : returned;
  return { kind: was ? 'already-done' : 'done', result, followUps };
}

async function verify(parcel: Parcel, room: Room, line: Line, signal: AbortSignal) {
  const { definition } = room;
  const instruction = definition.instructions[parcel.instruction];
  const own = instruction?.verify;
  if (!instruction || !(own || definition.verify))
    throw unknown(`this connector cannot look up what became of ${parcel.instruction}`);
  const followUps: FollowUp[] = [];
  const data = own ? await read(instruction.data, parcel.data, 'data') : parcel.data;
  const context = look(parcel, data, followUps, room, line, signal);
  const answer = own
    ? await own(context)
    : await definition.verify?.(context as LookContext<JsonObject, unknown, unknown>);
  const was = found(answer);
  // Something forgotten must not look like "not there": the order would be sent again.
  if (!was) throw new Error('verify must return alreadyDone(…) or notThere()');
  if (was.is !== 'there') return { kind: 'not-there' };
  return { kind: 'already-done', result: was.result, followUps };
}

function look<Data>(
  parcel: Parcel,
  data: Data,
  followUps: FollowUp[],
  room: Room,
  line: Line,
  signal: AbortSignal,
): LookContext<Data, unknown, unknown> {
  const { attempt, parts, ...item } = parcel;
  return {
    ...surroundings(room, line, signal),
    item: Object.freeze(item),
    data,
    idempotencyKey: String(parcel.queueId),
    attempt,
    parts: Object.freeze([...parts]),
    enqueue: (followUp) => void followUps.push(followUpOf(followUp)),
  };
}

const surroundings = (
  { options, secrets }: Room,
  line: Line,
  signal: AbortSignal,
): Surroundings<unknown, unknown> => ({
  signal,
  options,
  secrets,
  log: (text) => line.log(String(text)),
  fetch: (url, init = {}) => moduleFetch(url, init, signal),
});

/** @throws an outcome that says where `value` is not what `schema` asks for */
export async function read(schema: z.ZodType, value: unknown, name: string): Promise<unknown> {
  const parsed = await schema.safeParseAsync(value, { error: inWords });
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.map(
    ({ path, message }) => `${[name, ...path.map(String)].join('.')}: ${message}`,
  );
  throw fail(sentences.join('; '));
}

function followUpOf(followUp: FollowUp): FollowUp {
  const checked = followUpSchema.safeParse(followUp);
  if (checked.success) return checked.data as FollowUp & { data: JsonObject };
  throw new Error(`enqueue was given no item: ${z.prettifyError(checked.error)}`);
}
