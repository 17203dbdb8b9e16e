import type { Caller } from '../accounts/caller.js';
import type { BulkRun } from '../blocking/bulk-run.js';
import type { Wisher } from '../blocking/bulk-work.js';
import type { ConsoleServices } from './services.js';

/** A run names items of anybody: whoever began it sees it, and those who see all. */
export const seesRun = (caller: Caller, run: BulkRun): boolean =>
  caller.unlimited || run.actor === caller.actor;

/** What a run may do in somebody's name: what that one may do now, not when it began. */
export const wisherOf = (caller: Caller, { anew }: Pick<ConsoleServices, 'anew'>): Wisher => ({
  rights: async () => {
    const now = await anew(caller);
    return now?.may('operate') ? { allowed: (item) => now.seesItem(item) } : null;
  },
});
