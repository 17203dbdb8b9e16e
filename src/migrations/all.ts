import { numbered } from './1-numbered.js';
import type { Migration } from './migration.js';

/** In order. A change of the layout is one more file here, and `LAYOUT` in `redis/layout.ts` one more. */
export const migrations: readonly Migration[] = [numbered];
