import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SeededBug } from './bugs.js';

/** Sentences about edits whose text does not stand exactly once where they look for it. */
export function strayEdits(bug: SeededBug, root: string): string[] {
  return bug.edits.flatMap(({ file, find }) => {
    const times = readFileSync(join(root, file), 'utf8').split(find).length - 1;
    return times === 1
      ? []
      : [`"${bug.name}" looks for a text that stands ${times} times in ${file}`];
  });
}

/** Puts a bug into a copy of the product. */
export function apply(bug: SeededBug, root: string): void {
  const stray = strayEdits(bug, root);
  if (stray.length > 0) throw new Error(stray.join('\n'));
  for (const { file, find, put } of bug.edits) {
    const path = join(root, file);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(find, () => put),
    );
  }
}
