import { openStock } from '../lib/stock.mjs';

export const title = 'the same, command connection shared';

/** As thrifty as stock workers can be: one connection each, and one for all of them. */
export const open = (url, prefix) => openStock(url, prefix, { shared: true });
