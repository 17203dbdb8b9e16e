import type { Caller } from '../accounts/caller.js';
import type { BulkRun } from '../blocking/bulk-run.js';
import type { Wisher } from '../blocking/bulk-work.js';

/** A run names items of anybody: whoever began it sees it, and those who see all. */
export const seesRun = (caller: Caller, run: BulkRun): boolean =>
  caller.unlimited || run.actor === caller.actor;

/** What a run may do in somebody's name. */
export const wisherOf = (caller: Caller): Wisher => ({
  allowed: (item) => caller.seesItem(item),
});
