import { basename } from 'node:path';

/** What a command reads from and writes to; `process` is one, a test makes its own. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv: readonly string[];
}

export interface Screen extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** How hints and examples call this program: `andon` only where that is a command of its own. */
export function calledAs({ env, argv: [, script = ''] }: Pick<Io, 'env' | 'argv'>): string {
  const withinProject = script.includes('node_modules') || basename(script) !== 'andon';
  return env['npm_command'] === 'exec' || withinProject ? 'npx andon' : 'andon';
}
