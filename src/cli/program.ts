import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addEndpoints } from './endpoints.js';
import { addEnqueue } from './enqueue.js';
import { exit, exitCodeOf, isExpected, UsageError } from './exit.js';
import { addFleet } from './fleet.js';
import { addImport } from './import.js';
import { addIncidents } from './incidents.js';
import { calledAs, type Io } from './io.js';
import { addKeys } from './keys.js';
import { addLooking } from './look.js';
import { addOperating } from './operate.js';
import { Output } from './output.js';
import { addRecipients } from './recipients.js';
import { sharedOptions } from './session.js';
import { addSteering } from './steer.js';
import { addUsers } from './users.js';
import { addWebhooks } from './webhooks.js';

const exits = `
Exit codes: 0 done; 1 refused, or nothing matched; 2 wrong usage; 3 Andon cannot be reached or failed.`;

/** The whole command line. `serve` adds the commands that run Andon itself. */
export function buildCli(serve: (program: Command) => void, io: Io = process): Command {
  const program = new Command(calledAs(io))
    .description('Queues between business systems and web shops, strictly in order.')
    .version(version(), '--version', 'which Andon this is')
    .exitOverride()
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Told by `runCli`, as a sentence or as JSON like every other error.
      outputError: () => {},
    })
    .addHelpText('afterAll', exits);
  for (const option of sharedOptions) program.addOption(option);
  program.commandsGroup('Run:');
  serve(program);
  program.commandsGroup('Look:');
  addLooking(program, io);
  program.commandsGroup('Put right:');
  addOperating(program, io);
  addSteering(program, io);
  addFleet(program, io);
  addIncidents(program, io);
  program.commandsGroup('Feed:');
  addEnqueue(program, io);
  addImport(program, io);
  program.commandsGroup('Set up:');
  addEndpoints(program, io);
  addRecipients(program, io);
  addWebhooks(program, io);
  addKeys(program, io);
  addUsers(program, io);
  return program;
}

/** Runs one command line, as `process.argv` holds it, to its exit code. A defect is thrown. */
export async function runCli(
  argv: readonly string[],
  serve: (program: Command) => void,
  io: Io = process,
): Promise<number> {
  io.stdout.on('error', endQuietly);
  try {
    await buildCli(serve, io).parseAsync(argv);
    return exit.fine;
  } catch (error) {
    const output = new Output(io, argv.includes('--json'));
    if (error instanceof CommanderError) {
      // Help and version were written already; only an error has still to be told.
      if (/^commander\.(help|version)/.test(error.code)) return exitCodeOf(error);
      output.fail(new UsageError(plain(error.message)));
      output.note(`${output.andon} COMMAND --help tells more.`);
      return exitCodeOf(error);
    }
    if (!isExpected(error)) throw error;
    output.fail(error);
    return exitCodeOf(error);
  }
}

/** Of commander's words before our own sentence, only the name of an option is kept. */
const plain = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replace(/^command-argument value '.*?' is invalid for argument '.*?'\. /s, '')
    .replace(/^option '.*?(--[\w-]+).*?' argument '.*?' is invalid\. /s, '$1: ');

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Whoever read our output has seen enough, as in `andon items | head`. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exit.fine);
}
