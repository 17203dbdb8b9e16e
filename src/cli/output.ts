import { problemFor, sentencesOf } from './exit.js';
import { calledAs, type Io, type Screen } from './io.js';
import { table } from './table.js';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof codes;

/** Writes results to stdout and remarks to stderr, for people or for programs. */
export class Output {
  readonly json: boolean;
  /** How hints call this program. */
  readonly andon: string;
  private readonly io: Io;

  constructor(io: Io, json: boolean) {
    this.io = io;
    this.json = json;
    this.andon = calledAs(io);
  }

  /** The result of a command: the API's JSON as it came, or words for people. */
  print(document: unknown, words: () => string): void {
    const text = this.json ? JSON.stringify(document, null, 2) : words();
    if (text) this.io.stdout.write(`${text}\n`);
  }

  /** A remark for people; programs are spared it. */
  note(text: string): void {
    if (!this.json) this.io.stderr.write(`${this.asTyped(text)}\n`);
  }

  fail(error: unknown): void {
    const text = this.json
      ? JSON.stringify(problemFor(error), null, 2)
      : this.asTyped(sentencesOf(error).map(printableLine).join('\n'));
    this.io.stderr.write(`${text}\n`);
  }

  /** Hints of the server and of the doctor say `andon …`; what is typed here may be `npx andon …`. */
  asTyped(text: string): string {
    return text.replaceAll(bareCall, `${this.andon} `);
  }

  /** Fitted to the terminal; whole in a pipe. */
  table(headings: string[], rows: string[][]): string {
    const screen = this.io.stdout;
    const heads = headings.map((heading) => this.paint(heading, 'dim'));
    return table(heads, rows, screen.isTTY ? (screen.columns ?? 80) : undefined);
  }

  /** Colour on a terminal only, and never against NO_COLOR (no-color.org). */
  paint(text: string, colour: Colour): string {
    const coloured = isTerminal(this.io.stdout) && !this.io.env['NO_COLOR'];
    return coloured ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
  }
}

const bareCall =
  /(?<![\w./-]|npx )andon (?=(?:alerts|api|channel|check|doctor|fleet|keys|migrate|recipients|secrets|source|up|users|webhook|worker)\b)/g;

const isTerminal = (screen: Screen): boolean => screen.isTTY === true;

/** Text of others on one line: nothing in it may steer the terminal. */
export const printable = (text: string): string =>
  text.replaceAll(/[\r\n\t]+/g, ' ').replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '\uFFFD');

/** The same with its indent kept. */
export const printableLine = (line: string): string =>
  `${/^ */.exec(line)?.[0] ?? ''}${printable(line.trim())}`;
