/**
 * Enqueues one product, twice with the same key, then a batch, and looks up what became of the first.
 *
 *   ANDON_URL=http://127.0.0.1:3000 ANDON_KEY=id.secret node send.ts CHANNEL ORDER-OF-YOURS
 */
import { AndonClient, ApiProblem, type NewItem } from 'andon/client';

const [channel, run] = process.argv.slice(2);
if (!channel || !run) {
  console.error('usage: ANDON_KEY=id.secret node send.ts CHANNEL ORDER-OF-YOURS');
  process.exit(2);
}
const url = process.env['ANDON_URL'] ?? 'http://127.0.0.1:3000';
const andon = new AndonClient({ url, key: process.env['ANDON_KEY'] });

// The key says what this is about: the same key enqueues once, from wherever it is sent. What is lost on
// the way is sent again by the client.
const product: NewItem = {
  instruction: 'add_product',
  channel,
  data: { sku: 'TSH-RED-M', title: 'Red T-shirt' },
};
const idempotencyKey = `${run}-product`;
const { queueId } = await andon.enqueue(product, { idempotencyKey });
console.log(`enqueued ${queueId}`);
console.log(`again: ${(await andon.enqueue(product, { idempotencyKey })).queueId}`);

// All or nothing, in this order, with nothing of anybody else's between.
const sku = 'TSH-RED-M';
const batch = await andon.enqueueBatch(
  [
    { instruction: 'update_product', channel, data: { sku, price: '149.00' } },
    { instruction: 'add_image', channel, data: { sku, src: 'https://img.example.com/m.jpg' } },
  ],
  { idempotencyKey: `${run}-batch` },
);
console.log(`batch: ${batch.map((one) => one.queueId).join(' ')}`);

try {
  console.log(`state: ${(await andon.item(queueId)).state}`);
} catch (error) {
  if (error instanceof ApiProblem && error.type === 'not-found') console.log('it is gone already');
  else throw error;
}
