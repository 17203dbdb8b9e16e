/**
 * The witness: a shop in a process of its own, which shares no code with the product. It writes down
 * each delivery before anybody can act on it, and answers as the item's own data ask: `answers` one
 * after the other, then 200, each after `takesMs`; with a 200 it names what the item `causes`. A fence that was outdated on arrival gets 412.
 * A line on its standard input sets its mood: `500`, `429`, `503`, `hang` (no answer), `late`,
 * `fine`; `forget` makes it forget the fences it saw. It says now and then how many deliveries it had.
 *
 *     node witness.mjs <file for its lines>
 */
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const file = openSync(process.argv[2], 'a');
const now = () => Number(process.hrtime.bigint()) / 1e6;
const write = (line) =>
  writeSync(file, `${JSON.stringify({ by: 'witness', at: now(), ...line })}\n`);

let deliveries = 0;
let mood = 'fine';
const answered = new Map();
const highest = new Map();

const server = createServer(async (request, response) => {
  const delivery = ++deliveries;
  const chunks = [];
  let over = false;
  const end = (line) => {
    if (over) return false;
    over = true;
    write({ delivery, ...line });
    return true;
  };
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return; // cut off before it was told: that is no delivery
  }
  const { queueId: id, mode, channel, data } = JSON.parse(Buffer.concat(chunks).toString());
  const fence = Number(request.headers['x-andon-fence']);
  write({
    did: 'started',
    delivery,
    queue: mode === 'blocking' ? `channel.${channel}` : 'parallel',
    id,
    item: data.item,
    key: request.headers['idempotency-key'],
    attempt: Number(request.headers['x-andon-attempt']),
    fence,
    process: request.socket.remoteAddress,
  });
  const stale = fence < (highest.get(id) ?? 0);
  highest.set(id, Math.max(fence, highest.get(id) ?? 0));
  response.once('close', () => end({ did: 'broken' }));
  if (mood === 'hang') return;
  const trouble = ['500', '429', '503'].includes(mood) ? Number(mood) : null;
  // Whoever hung up meanwhile is heard before the answer counts as given, also on a machine that is full.
  const heard = (then) => setImmediate(() => setImmediate(then));
  const answer = () => {
    if (over) return;
    const count = answered.get(id) ?? 0;
    const status = stale ? 412 : (trouble ?? data.answers[count] ?? 200);
    if (!stale && !trouble) answered.set(id, count + 1);
    const causes = status === 200 ? data.causes : undefined;
    const caused = causes?.map(({ queue, item }) => ({ queue, item }));
    end({ did: 'answered', status, ...(caused ? { caused } : {}) });
    const wait = status === 429 || status === 503 ? { 'retry-after': '1' } : {};
    response.writeHead(status, { 'content-type': 'application/json', ...wait });
    const title = `the witness says ${status}${data.lacks ? `: it lacks ${data.lacks}` : ''}`;
    const followUps = causes?.map(({ body }) => body);
    response.end(JSON.stringify(status === 200 ? { followUps } : { title }));
  };
  setTimeout(() => heard(answer), data.takesMs + (mood === 'late' ? 400 : 0));
});

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
setInterval(() => console.log(deliveries), 500);
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  if (line === 'forget') highest.clear();
  else mood = line;
});
orders.once('close', () => process.exit()); // whoever started it is gone
