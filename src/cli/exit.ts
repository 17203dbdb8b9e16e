import { CommanderError } from 'commander';
import { ApiProblem, type Problem, Unreachable } from '../client/problem.js';
import { AndonError, BadConfig, messageOf } from '../errors.js';
import { BadLine } from './import/bad-line.js';

/** What the exit code of the program says. */
export const exit = { fine: 0, refused: 1, usage: 2, unreachable: 3 } as const;

/** The command was called wrongly; nothing was sent. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was right, but there is nothing that it could act on. */
export class NothingMatched extends Error {
  override readonly name = 'NothingMatched';
}

/** A file that is to be imported is not what it should be; nothing of it was sent. */
export class BadFile extends Error {
  override readonly name = 'BadFile';
  constructor(file: string, cause: BadLine) {
    super(`${file}: ${cause.message}`, { cause });
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof ApiProblem) return error.status >= 500 ? exit.unreachable : exit.refused;
  if (error instanceof Unreachable) return exit.unreachable;
  if (error instanceof UsageError || error instanceof BadConfig) return exit.usage;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exit.fine : exit.usage;
  return exit.refused;
}

/** Whether this is told as a sentence; anything else is a defect of ours and shows its stack. */
export const isExpected = (error: unknown): boolean =>
  [
    ApiProblem,
    Unreachable,
    UsageError,
    NothingMatched,
    BadFile,
    BadLine,
    BadConfig,
    AndonError,
  ].some((known) => error instanceof known);

/** The error as a sentence and what helps on. */
export function sentencesOf(error: unknown): string[] {
  if (error instanceof BadConfig) return [...error.problems];
  if (!(error instanceof ApiProblem)) return [messageOf(error)];
  const { status, problem } = error;
  const places = (problem.errors ?? [])
    .filter(({ detail }) => !error.message.includes(detail))
    .map(({ pointer, detail }) => `  ${pointer ? `${pointer}: ` : ''}${detail}`);
  const lines = [`${error.message} (${status})`, ...places];
  if (status === 401)
    lines.push('Give a key with --key or in ANDON_KEY; the first admin key is in data/admin-key.');
  if (status >= 500 && problem.requestId) lines.push(`Request ${problem.requestId}.`);
  return lines;
}

/** The error as JSON for programs: the API's problem, or one in the same shape. */
export function problemFor(error: unknown): Problem | Omit<Problem, 'status'> {
  if (error instanceof ApiProblem) return error.problem;
  const type = error instanceof Unreachable ? 'unreachable' : 'refused-by-cli';
  const usage = exitCodeOf(error) === exit.usage;
  return {
    type: usage ? 'wrong-usage' : type,
    title: usage ? 'The command was called wrongly' : 'The command was not carried out',
    detail: sentencesOf(error).join('\n'),
  };
}
