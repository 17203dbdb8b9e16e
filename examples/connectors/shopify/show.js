import { startFake, TOKEN } from './fake.js';

export const title = 'A shop that speaks GraphQL, behind shopify/connector.js';

const QUEUE = 'channel.cape';

export async function show(andon, say) {
  const { url, shop, close } = await startFake();
  try {
    await andon.put('channel', 'cape', {
      type: 'module',
      path: 'shopify/connector.js',
      options: { shop: url },
      secrets: { accessToken: TOKEN },
    });
    shop.bucket.currentlyAvailable = 0;
    shop.badImages.add('https://img.example/mug.jpg');
    const ids = await andon.enqueue(
      add('TEE', 'Tee', { variants: [variant('TEE-S', 19), variant('TEE-M', 19)] }),
      add('MUG', 'Mug', {
        variants: [variant('MUG-1', 9)],
        images: [{ src: 'https://img.example/mug.jpg' }],
      }),
      add('CAP', 'Cap', { variants: [variant('CAP-1', 14)] }),
    );
    say('3 products were enqueued, and the shop throttles: its bucket of points is empty.');
    const held = await andon.until(`item ${ids[0]} to wait`, async () => {
      const item = await andon.client.item(ids[0]);
      return item.state === 'backing-off' ? item : null;
    });
    say(
      `Item ${ids[0]} is on hold, nothing is lost and nobody is called: "${held.error.message}".`,
    );
    shop.bucket.currentlyAvailable = 2000;

    const { blockedBy } = await andon.drain(QUEUE);
    say(
      `The bucket filled. The tee went in; then the queue stopped at item ${blockedBy.queueId}, ${blockedBy.title}:`,
    );
    say(`  "${blockedBy.error.message}" (class ${blockedBy.error.cause})`);
    say(`The mug itself and its variant are in the shop; the cap behind it waits.`);
    const before = shop.arrivals.length;
    shop.badImages.clear();
    await andon.client.retry(blockedBy.queueId);
    await andon.drain(QUEUE);
    const mug = shop.arrivals.slice(before).filter(({ part }) => part?.key !== 'CAP-1' && part);
    say(
      `The image was mended, and the item retried: ${mug.length} call changed the mug, the rest was there.`,
    );
    say(`In the shop, in this order: ${[...shop.products.keys()].join(', ')}.`);

    const [again] = await andon.enqueue(add('CAP', 'Cap', { variants: [variant('CAP-1', 14)] }));
    await andon.drain(QUEUE);
    const { outcome } = await andon.client.item(again);
    say(`The cap was enqueued once more: ${JSON.stringify(outcome.result)}, and still one cap.`);
  } finally {
    await close();
  }
}

const add = (sku, title, more) => ({
  instruction: 'add_product',
  channel: 'cape',
  data: { sku, title, ...more },
});

const variant = (sku, price) => ({ sku, price });
