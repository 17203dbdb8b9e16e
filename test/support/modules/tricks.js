// A module that does whatever the title of its item says.
import { alreadyDone, defineConnector, fail, hold, retry, unknown, z } from 'andon/connector';

const forever = () => new Promise(() => {});
let runs = 0;

const tricks = {
  ok: () => ({ made: 'T-1' }),
  nothing: () => undefined,
  retry: () => {
    throw retry('the shop is busy', { status: 502 });
  },
  hold: () => {
    throw hold('the shop throttles', { forMs: 4000, status: 429 });
  },
  down: () => {
    throw hold('the shop is down');
  },
  fail: () => {
    throw fail('the shop has no size XXS', { cause: 'data', status: 422 });
  },
  unknown: () => {
    throw unknown('no answer came');
  },
  already: () => alreadyDone({ id: 7 }),
  bug: () => undefined.title,
  number: () => {
    throw 42;
  },
  bigint: () => ({ n: 1n }),
  count: () => ++runs,
  hang: forever,
  spin: () => {
    for (;;);
  },
  polite: (ctx) =>
    new Promise((_, reject) =>
      ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)),
    ),
  late: (ctx) =>
    new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve('just in time'))),
  exit: () => process.exit(0),
  heap: () => {
    const kept = [];
    for (;;) kept.push(new Array(1_000_000).fill(1.5));
  },
  uncaught: () => {
    setTimeout(() => {
      throw new Error('thrown by a timer');
    }, 1);
    return forever();
  },
  chatter: (ctx) => {
    for (let n = 0; n < 100_000; n += 1) ctx.log(`line ${n}`);
  },
  talk: async (ctx) => {
    ctx.log('one');
    ctx.progress(40);
    ctx.progress({ images: 2 });
    await ctx.report({ kind: 'variant', key: 'M', state: 'done' });
    ctx.log(`M is ${ctx.isDone('variant', 'M')}, L is ${ctx.isDone('variant', 'L')}`);
    ctx.enqueue({ instruction: 'add_image', channel: '12', data: { sku: 'A', src: 'x' } });
    ctx.enqueue({ instruction: 'set_channel_status', channel: '12', data: {} });
    return { key: ctx.idempotencyKey, attempt: ctx.attempt, queueId: ctx.item.queueId };
  },
  badFollowUp: (ctx) => ctx.enqueue({ instruction: 'add_image' }),
  secrets: async (ctx) => {
    const { token } = ctx.secrets;
    ctx.log(`logging in with ${token}`);
    console.log('printed', token);
    process.stdout.write(`written ${token}\n`);
    ctx.progress({ with: token });
    await ctx.report({
      kind: 'image',
      key: `https://x/?t=${encodeURIComponent(token)}`,
      state: 'failed',
      message: token,
    });
    if (ctx.attempt === 1) return { token, [token]: [Buffer.from(token).toString('base64')] };
    if (ctx.attempt === 2) throw fail(`login of ${token} refused`, { cause: 'credentials' });
    throw new Error(`broke with ${token}`);
  },
  environment: () => Object.keys(process.env),
  options: (ctx) => ctx.options,
};

export default defineConnector({
  ping: (ctx) => {
    if (ctx.options.down) throw new Error('nobody there');
  },
  verify: (ctx) => {
    const { title } = ctx.data;
    if (title === 'there') return alreadyDone('order 9');
    if (title === 'there, with more') {
      ctx.enqueue({ instruction: 'update_product', channel: '12', data: { sku: 'A' } });
      return alreadyDone('order 9');
    }
    if (title === 'hang') return forever();
    if (title === 'broken') throw new Error('cannot look');
    return undefined;
  },
  instructions: {
    add_product: {
      data: z.object({ title: z.enum(Object.keys(tricks)), sku: z.string() }),
      run: (ctx) => tricks[ctx.data.title](ctx),
    },
  },
});
