import { startStore } from './store.js';

export const title = 'A B2B trade store behind the http connector';

const QUEUE = 'channel.trade';
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export async function show(andon, say) {
  const { url, store, close } = await startStore({ secret });
  try {
    await andon.put('channel', 'trade', { type: 'http', url, secret, pingUrl: url });
    store.fault = 'busy';
    const [first] = await andon.enqueue(
      add('DRILL', { tradePrice: 420 }),
      add('SAW', {}),
      add('VICE', { tradePrice: 310 }),
    );
    const held = await andon.until('the store to be found busy', async () => {
      const item = await andon.client.item(first);
      return item.state === 'backing-off' ? item : null;
    });
    say(
      `3 products were enqueued. The store was busy ("${held.error.message}", for 1 s): the queue waits.`,
    );
    store.fault = null;
    const { blockedBy } = await andon.drain(QUEUE);
    say(`Then it took them, as far as item ${blockedBy.queueId}: "${blockedBy.error.message}".`);
    say(`Listed: ${listed(store)}. The vice waits behind the saw.`);
    await andon.client.edit(blockedBy.queueId, { ...blockedBy.data, tradePrice: 95 });
    await andon.client.retry(blockedBy.queueId);
    await andon.drain(QUEUE);
    say(`The price was put in, the item retried. Listed, in order: ${listed(store)}.`);
    const keys = store.arrivals.map(({ key, attempt }) => `${key} (attempt ${attempt})`);
    say(`Every delivery came signed, with one constant key an item: ${keys.join(', ')}.`);
  } finally {
    await close();
  }
}

const listed = (store) => [...store.products.keys()].join(', ');

const add = (sku, more) => ({
  instruction: 'add_product',
  channel: 'trade',
  data: { sku, title: sku, ...more },
});
