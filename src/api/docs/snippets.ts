import { existsSync, readFileSync } from 'node:fs';

/** A program of examples/programs as it is, and what it shows. */
export interface Snippet {
  readonly title: string;
  readonly file: string;
  readonly text: string;
}

const programs = new URL('../../../examples/programs/', import.meta.url);

/** A deployment may leave the examples out; then the page does without them. */
function snippets(...wanted: readonly (readonly [title: string, file: string])[]): Snippet[] {
  return wanted.flatMap(([title, file]) => {
    const at = new URL(file, programs);
    return existsSync(at) ? [{ title, file, text: readFileSync(at, 'utf8') }] : [];
  });
}

export const sending = (): Snippet[] =>
  snippets(
    ['curl', 'send.sh'],
    ['PHP', 'send.php'],
    ['Python', 'send.py'],
    ['TypeScript, with andon/client', 'send.ts'],
  );

export const receiving = (): Snippet[] =>
  snippets(['PHP', 'receive.php'], ['Python', 'receive.py']);
