import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { crashPoint } from '../crash-points.js';
import { type Durability, local } from './durability.js';
import { type Keys, luaKeys, type ShardKeys } from './keys.js';
import { LAYOUT, layoutRefusal } from './layout.js';

/** BullMQ's own scripts that ours wrap; its package exports their text. */
const bullmqScripts = createRequire(import.meta.url)('bullmq/dist/cjs/scripts') as Record<
  string,
  { content: string } | undefined
>;

/**
 * SHA-1 of the wrapped scripts as they are in bullmq 6.7.0. Another text means another version:
 * read what changed, run the tests of the traps, then change these.
 */
const knownScripts: Readonly<Record<string, string>> = {
  addStandardJob: '5ab432e88830d573e2fa33392ffbd4ad25a9b100',
  moveToActive: 'd96ca626f1ea141b44a856b312fc636d99aa9ea9',
  moveToFinished: '69666e69dd5621df59067a03de685e55a486560d',
};

/** How a script is called. */
interface Call {
  /** Arguments it takes always. */
  readonly first: number;
  /** Arguments for each item, queue … that follow in any number; 0 when none may follow. */
  readonly each: number;
  /**
   * A person or program is told that it has been done, so it must be safe before (`durability`). The
   * fleet's own steps are done again if they are lost.
   */
  readonly told: boolean;
}

const ours = (first: number, each = 0): Call => ({ first, each, told: false });
const told = (first: number, each = 0): Call => ({ first, each, told: true });

/** Every script, with the arguments that stand at its top. A test compares the two. */
const calls = {
  adopt: ours(8),
  ask: ours(4),
  attend: told(3),
  begin: ours(3),
  claim: ours(5),
  clear: told(5),
  complete: ours(10, 10),
  edit: told(8),
  'end-rule': told(5),
  enroll: ours(0, 1),
  enqueue: told(3, 12),
  fail: ours(8),
  'fleet-pause': told(3),
  'fleet-resume': told(2),
  failures: ours(0, 1),
  forget: ours(10, 1),
  giveback: ours(3),
  glance: ours(0, 1),
  hold: ours(11),
  pardon: ours(2),
  pause: told(3),
  rate: ours(4),
  read: ours(1, 2),
  recount: ours(1),
  reindex: ours(0, 2),
  relay: ours(3),
  renew: ours(1, 3),
  report: ours(6),
  resolve: told(5),
  resume: told(2),
  retry: told(4),
  sift: ours(4),
  skip: told(10),
  spread: ours(2),
  status: ours(0, 1),
  strike: ours(2, 2),
  succeeded: ours(3, 1),
  sweep: ours(1, 1),
  tell: ours(2, 3),
  tend: ours(1),
  troubles: ours(0, 1),
  unclaim: ours(1),
  undo: told(3, 1),
  vacate: ours(2),
} as const satisfies Readonly<Record<string, Call>>;
export type ScriptName = keyof typeof calls;
export const scriptNames = Object.keys(calls) as readonly ScriptName[];

export const argumentsOf = (name: ScriptName): Call => calls[name];

/** A script reads its arguments by their number alone: one too many puts all that follow out of place. */
function mustFit(name: ScriptName, count: number): void {
  const { first, each } = argumentsOf(name);
  const more = count - first;
  if (more === 0 || (more > 0 && each > 0 && more % each === 0)) return;
  const rest = each > 0 ? ` and ${each} for each that follows` : '';
  throw new Error(`the script ${name} takes ${first} arguments${rest}, not ${count}`);
}

/** Every script is one transition: all or nothing. They share one clock, that of Redis. */
const preamble = `
local rcall = redis.call
local clock = rcall('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
${luaKeys}
`;

const read = (path: string) => readFileSync(new URL(`../lua/${path}.lua`, import.meta.url), 'utf8');

/** Data of another layout are not touched, not even to look: an older program would not know what it sees. */
const ofThisLayout = `
local layout = rcall('GET', LAYOUT_KEY)
if layout and layout ~= '${LAYOUT}' then return redis.error_reply('LAYOUT ' .. layout) end
`;

/**
 * The whole text of a script, `--@include` and `--@bullmq` lines filled in, each once.
 * @param anyLayout for migrations, which work on data of any layout
 */
export function composeScript(name: ScriptName, shards: number, anyLayout = false): string {
  const seen = new Set<string>();
  const fill = (text: string): string =>
    text.replace(/^--@(include|bullmq) (\w+)$/gm, (_, kind: string, part: string) => {
      if (seen.has(part)) return '';
      seen.add(part);
      return kind === 'include' ? fill(read(`lib/${part}`)) : wrapped(part);
    });
  const guard = anyLayout ? '' : ofThisLayout;
  return `${preamble}${guard}local SHARDS = ${shards}\n${fill(read(name))}`;
}

function wrapped(name: string): string {
  return `local function ${name}(KEYS, ARGV)\n${bullmqText(name)}\nend`;
}

function bullmqText(name: string): string {
  const script = bullmqScripts[name];
  if (!script) throw new Error(`bullmq has no script ${name} any more`);
  return script.content;
}

/** Sentences about wrapped scripts that are not the ones we know; none is as it should be. */
export function unknownBullmqScripts(): string[] {
  return Object.entries(knownScripts)
    .filter(([name, sha]) => createHash('sha1').update(bullmqText(name)).digest('hex') !== sha)
    .map(
      ([name]) =>
        `bullmq's script ${name} is not that of version 6.7.0: install exactly that version.`,
    );
}

/** A reply as Redis gives it. */
export type Reply = string | number | null | Reply[];
export type Argument = string | number;

/** Runs our scripts on one connection, each on the shard it concerns. */
export class Scripts {
  readonly durability: Durability;
  private readonly redis: Redis;
  /** Commands of a connection are shared by all who define them there. */
  private readonly prefix: string;

  /**
   * @param durability when a step that somebody is told of counts as done; it must watch `redis`
   * @param anyLayout for migrations alone
   */
  constructor(
    redis: Redis,
    keys: Keys,
    durability: Durability = local,
    { anyLayout = false }: { anyLayout?: boolean } = {},
  ) {
    this.redis = redis;
    this.durability = durability;
    this.prefix = anyLayout ? 'andon_any_' : 'andon_';
    for (const name of scriptNames) {
      redis.defineCommand(this.prefix + name, {
        numberOfKeys: 2,
        lua: composeScript(name, keys.shards.length, anyLayout),
      });
    }
  }

  /** Sends the script by its hash, and its text when Redis does not have it (any more). */
  async run(name: ScriptName, shard: ShardKeys, args: readonly Argument[]): Promise<Reply> {
    mustFit(name, args.length);
    if (!argumentsOf(name).told) return this.send(name, shard, args);
    return this.durability.cover(() => this.send(name, shard, args), shard.durable);
  }

  private async send(
    name: ScriptName,
    shard: ShardKeys,
    args: readonly Argument[],
  ): Promise<Reply> {
    const commands = this.redis as unknown as Record<
      string,
      (prefix: string, absent: string, ...args: Argument[]) => Promise<Reply>
    >;
    const command = commands[this.prefix + name];
    if (!command) throw new Error(`script ${name} is not defined`);
    crashPoint(`before-${name}`);
    const reply = await command
      .call(this.redis, shard.prefix, shard.absent, ...args)
      .catch((error: unknown) => {
        throw layoutRefusal(error) ?? error;
      });
    crashPoint(`after-${name}`);
    return reply;
  }
}
