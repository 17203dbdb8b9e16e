import { openStock } from '../lib/stock.mjs';

export const title = 'a BullMQ Worker a queue';

/** Stock: each worker with its own two connections. */
export const open = (url, prefix) => openStock(url, prefix, { shared: false });
