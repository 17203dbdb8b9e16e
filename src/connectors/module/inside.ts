/**
 * What runs in a module's thread; started by thread.ts, never imported. It loads the one module that
 * it was born with and answers calls until the thread is ended from outside.
 */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import type { PartOfItem } from '../connector.js';
import { type AnyDefinition, isDefinition } from './author.js';
import { carryOut, Ended, type Line, type Room, read } from './inside-call.js';
import type { Birth, FromThread, ToThread } from './messages.js';

/** More lines of one call are left out: a loop that logs must not drown the process. */
const LINES_MOST = 1_000;
const LINE_CHARACTERS = 2_000;

const free = z.record(z.string(), z.unknown());

class Inside {
  private readonly port: MessagePort;
  private readonly room: Room;
  private readonly calls = new Map<number, AbortController>();
  private readonly asked = new Map<number, (problem: string | null) => void>();
  private asks = 0;

  constructor(port: MessagePort, room: Room) {
    this.port = port;
    this.room = room;
    port.on('message', (message: ToThread) => this.receive(message));
  }

  private send(message: FromThread): void {
    this.port.postMessage(message);
  }

  private receive(message: ToThread): void {
    if (message.kind === 'call') {
      void this.call(message);
    } else if (message.kind === 'abort') {
      this.calls.get(message.call)?.abort(new Ended(message.why, message.late));
    } else {
      this.asked.get(message.ask)?.(message.problem);
      this.asked.delete(message.ask);
    }
  }

  private async call({ call, what, parcel }: Extract<ToThread, { kind: 'call' }>): Promise<void> {
    const controller = new AbortController();
    this.calls.set(call, controller);
    this.send({ kind: 'began', call });
    const settled = await carryOut(what, parcel, this.room, this.line(call), controller.signal);
    this.calls.delete(call);
    const { answer, stack } = settled;
    this.send({ kind: 'settled', call, answer: JSON.stringify(answer), stack });
  }

  private line(call: number): Line {
    const log = limited((line) => this.send({ kind: 'log', call, line }));
    return {
      log,
      progress: (value) => this.send({ kind: 'progress', call, value }),
      report: (part) => this.report(call, part),
    };
  }

  private report(call: number, part: PartOfItem): Promise<void> {
    this.asks += 1;
    const ask = this.asks;
    return new Promise((resolve, reject) => {
      this.asked.set(ask, (problem) => (problem ? reject(new Error(problem)) : resolve()));
      this.send({ kind: 'report', call, ask, part });
    });
  }
}

function limited(write: (line: string) => void): (line: string) => void {
  let lines = 0;
  return (line) => {
    lines += 1;
    if (lines < LINES_MOST) write(line.slice(0, LINE_CHARACTERS));
    if (lines === LINES_MOST) write(`more than ${LINES_MOST} lines: the others are left out`);
  };
}

/** What a module prints goes to Andon's log, where secrets are taken out, and not past it. */
function catchConsole(port: MessagePort): void {
  const write = limited((line) =>
    port.postMessage({ kind: 'log', call: null, line } satisfies FromThread),
  );
  for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
    console[name] = (...values: unknown[]) => write(format(...values));
}

async function load({ file, options, secrets, trial = false }: Birth): Promise<Room> {
  const loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  const definition = loaded.default;
  if (trial) return { definition: isDefinition(definition) ? definition : none, options, secrets };
  if (!isDefinition(definition))
    throw new Error(`its default export is not a connector: export default defineConnector({…})`);
  return {
    definition,
    options: await read(definition.options ?? free, options, 'connector.options'),
    secrets: await read(definition.secrets ?? free, secrets, 'connector.secrets'),
  };
}

/** What a file that exports no connector can do. */
const none: AnyDefinition = { instructions: {} };

async function live(port: MessagePort, birth: Birth): Promise<void> {
  catchConsole(port);
  try {
    const room = await load(birth);
    new Inside(port, room);
    port.postMessage(readiness(room.definition));
  } catch (error) {
    const message = `${basename(birth.file)} cannot be loaded: ${messageOf(error)}`;
    const stack = (error instanceof Error && error.stack) || message;
    port.postMessage({ kind: 'refused', message, stack } satisfies FromThread);
  }
}

function readiness(definition: AnyDefinition): FromThread {
  const all = Object.values(definition.instructions);
  return {
    kind: 'ready',
    instructions: Object.keys(definition.instructions),
    pings: Boolean(definition.ping),
    verifies: Boolean(definition.verify) || all.some((one) => one.verify),
  };
}

if (parentPort) await live(parentPort, workerData as Birth);
