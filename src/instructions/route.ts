import type { Fault } from '../errors.js';
import type { CatalogueEntry } from './catalogue.js';

/** Where an item goes and who carries it out there; names as in the registry ("channel.12"). */
export interface Route {
  readonly queue: string;
  readonly endpoint: string;
}

/** Decided by the catalogue and the target alone. */
export function route(
  entry: CatalogueEntry,
  target: { channel?: string | undefined; source?: string | undefined },
): Route | Fault {
  const endpoint = endpointOf(entry, target);
  if (!endpoint) {
    return {
      pointer: `/${entry.target}`,
      detail: `${entry.instruction} goes to a ${entry.target}: give the id of one`,
    };
  }
  return { endpoint, queue: entry.mode === 'blocking' ? endpoint : 'parallel' };
}

function endpointOf(
  entry: CatalogueEntry,
  target: { channel?: string | undefined; source?: string | undefined },
): string | null {
  if (entry.target === null) return `service.${entry.service}`;
  const id = target[entry.target];
  return id === undefined ? null : `${entry.target}.${id}`;
}
