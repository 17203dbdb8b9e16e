import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { AndonClient } from '../client/client.js';
import { UsageError } from './exit.js';
import { unreadable } from './input.js';
import type { Io } from './io.js';
import { Output } from './output.js';

/** What every command that talks to Andon works with. */
export interface Session {
  readonly client: AndonClient;
  readonly output: Output;
}

const url = new Option('--url <url>', 'where Andon answers (env ANDON_URL)');
const key = new Option('--key <id.secret>', 'API key (env ANDON_KEY)');
const json = new Option('--json', 'JSON for programs, one document');
export const sharedOptions = [url, key, json];

/** The same options on every command, so that they may stand before or behind it; shown once. */
const hidden: readonly Option[] = [
  new Option('--url <url>').hideHelp(),
  new Option('--key <id.secret>').hideHelp(),
  new Option('--json').hideHelp(),
];

/** A command that talks to Andon. `ownUrl`: its `--url` means something else. */
export function addCommand(
  parent: Command,
  usage: string,
  summary: string,
  examples: readonly string[],
  { ownUrl = false } = {},
): Command {
  const command = parent.command(usage).description(summary);
  for (const option of ownUrl ? hidden.slice(1) : hidden) command.addOption(option);
  let program = parent;
  while (program.parent) program = program.parent;
  const lines = examples.map((line) => `\n  $ ${program.name()} ${line}`);
  return command.addHelpText('after', `\nExample${lines.length > 1 ? 's' : ''}:${lines.join('')}`);
}

/** Opens the session of a command from its options, then the environment. */
export function sessionOf(command: Command, io: Io): Session {
  return {
    // Whoever sits at a terminal is told at once, and tries again.
    client: new AndonClient({ url: urlOf(command, io), key: keyOf(command, io), tries: 1 }),
    output: new Output(io, valueGiven(command, json) === true),
  };
}

/** The nearest command that was given this very option; one of the same name does not count. */
function valueGiven(command: Command, option: Option): unknown {
  const twin = hidden[sharedOptions.indexOf(option)];
  for (let at: Command | null = command; at; at = at.parent) {
    const has = at.options.includes(option) || (twin && at.options.includes(twin));
    const value: unknown = has ? at.opts()[option.attributeName()] : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

function urlOf(command: Command, io: Io): string {
  const given = valueGiven(command, url) ?? io.env['ANDON_URL'];
  const text = given ? String(given) : `http://127.0.0.1:${io.env['ANDON_PORT'] || 3000}`;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`${text} is not a URL such as http://127.0.0.1:3000`);
  return text;
}

/** The key given, the one of the environment, or the one that the server wrote beside its data. */
function keyOf(command: Command, io: Io): string | undefined {
  const given = valueGiven(command, key);
  if (given !== undefined) return String(given).trim();
  for (const name of ['ANDON_KEY', 'ANDON_BOOTSTRAP_KEY']) {
    const value = io.env[name] || firstLine(io.env[`${name}_FILE`]);
    if (value) return value.trim();
  }
  // The key of this machine's own server is not for others.
  if (!isLoopback(new URL(urlOf(command, io)).hostname)) return undefined;
  const written = join(io.env['ANDON_DATA_DIR'] || './data', 'admin-key');
  return existsSync(written) ? firstLine(written) : undefined;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127\./.test(host);

function firstLine(file: string | undefined): string | undefined {
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').split('\n')[0]?.trim();
  } catch (error) {
    throw unreadable(file, error);
  }
}
