import { Command, CommanderError, Option } from 'commander';
import { z } from 'zod';
import { exit } from '../cli/exit.js';
import type { Io } from '../cli/io.js';
import { environmentSchema } from '../config/environment.js';

const TIMEOUT_MS = 5_000;

const portsSchema = environmentSchema.pick({
  ANDON_PORT: true,
  ANDON_HOST: true,
  ANDON_HEALTH_PORT: true,
  ANDON_HEALTH_HOST: true,
});

/** `andon health`: for health checks of containers, which ask by a command. Reads nothing but its environment. */
export function addHealth(program: Command, io: Pick<Io, 'stdout' | 'stderr' | 'env'> = process) {
  program
    .command('health')
    .exitOverride()
    .description('Ask the Andon process of this machine how it is; exit code 0 when it is well')
    .option('--ready', 'not only whether it lives: whether Redis takes writes and it gets on')
    .addOption(new Option('--json').hideHelp())
    .addHelpText(
      'after',
      `
It asks at ANDON_HEALTH_PORT when that is set, else at ANDON_PORT, so set it as the process has it.`,
    )
    .action(async ({ ready }: { ready?: boolean }) => {
      const { well, sentence } = await ask(io.env, ready ? '/readyz' : '/healthz');
      (well ? io.stdout : io.stderr).write(`${sentence}\n`);
      if (!well) process.exitCode = exit.refused;
    });
}

/** This one command alone, to its exit code. */
export async function runHealth(argv: readonly string[]): Promise<number> {
  const program = new Command('andon').exitOverride();
  addHealth(program);
  try {
    await program.parseAsync(argv);
    return exit.fine;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exit.fine : exit.usage;
  }
}

interface Said {
  readonly well: boolean;
  readonly sentence: string;
}

/** What the process of this machine says at a path. Never throws. */
export async function ask(env: Io['env'], path: '/healthz' | '/readyz'): Promise<Said> {
  const url = placeOf(env);
  if (!url) return { well: false, sentence: 'ANDON_HEALTH_PORT or ANDON_PORT is not a port.' };
  try {
    const answer = await fetch(new URL(path, url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = answerSchema.parse(await answer.json());
    if (answer.ok) return { well: true, sentence: `Andon at ${url} is ${body.status}.` };
    return { well: false, sentence: `Andon at ${url} is not ready: ${body.why ?? body.detail}.` };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    const what = late ? `does not answer within ${TIMEOUT_MS / 1_000} s` : 'does not answer';
    return {
      well: false,
      sentence: `Andon at ${url} ${what}. Does it run, and is ANDON_HEALTH_PORT (or ANDON_PORT) the one that it has?`,
    };
  }
}

/** The health port tells what is wrong as `why`, the API as a problem's `detail`. */
const answerSchema = z.object({
  status: z.union([z.string(), z.number()]),
  why: z.string().optional(),
  detail: z.string().optional(),
});

function placeOf(env: Io['env']): string | null {
  const given = Object.entries(env).filter(([, value]) => value);
  const ports = portsSchema.safeParse(Object.fromEntries(given));
  if (!ports.success) return null;
  const { ANDON_PORT, ANDON_HOST, ANDON_HEALTH_PORT, ANDON_HEALTH_HOST } = ports.data;
  const [host, port] =
    ANDON_HEALTH_PORT === undefined
      ? [ANDON_HOST, ANDON_PORT]
      : [ANDON_HEALTH_HOST, ANDON_HEALTH_PORT];
  if (port === 0) return null;
  return `http://${callable(host)}:${port}`;
}

/** "All addresses" is where one listens, not where one asks. */
function callable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
