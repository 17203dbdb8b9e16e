/**
 * An ERP that wants a login: copy it to ./connectors and change it.
 *
 * What it shows: one session for all items, a new login exactly once when it was lost, business errors
 * inside replies that look like success, and orders that are never booked twice: before an order is sent
 * again, it is looked up by the customer's reference.
 */
import {
  alreadyDone,
  defineConnector,
  fail,
  hold,
  notThere,
  retry,
  unknown,
  z,
} from 'andon/connector';

/** Codes of this ERP. */
const SESSION_LOST = 301;
const LOGIN_FAILED = 100000027;
const NO_LICENCE = -5002;

/**
 * A promise, so that orders which run at the same time wait for one login. It belongs to the thread, and
 * so to this endpoint: kept from item to item, gone when the thread ends.
 */
let session = null;

function loggedIn(ctx) {
  session ??= login(ctx).catch((error) => {
    session = null;
    throw error;
  });
  return session;
}

async function login(ctx) {
  const { user, password } = ctx.secrets;
  const { body, status } = await post(ctx, '/Login', {
    company: ctx.options.company,
    user,
    password,
  });
  if (body.error?.code === LOGIN_FAILED)
    throw fail(`the ERP refuses the login of ${ctx.options.company}`, {
      cause: 'credentials',
      status,
    });
  if (body.error?.code === NO_LICENCE)
    throw hold('the ERP has no free licence', { forMs: 60_000, cause: 'connection', status });
  if (!body.sessionId) throw retry(`the ERP gave no session (${status})`, { status });
  return body.sessionId;
}

/** One call in the session; when the session was lost, once more in a new one. */
async function call(ctx, path, send) {
  for (let tries = 1; ; tries += 1) {
    const mine = loggedIn(ctx);
    const reply = await send(path, await mine);
    if (reply.body.error?.code !== SESSION_LOST) return reply;
    // Another order may have noticed it first, and logged in already.
    if (session === mine) session = null;
    if (tries === 2) throw retry('the ERP ended a session that it had just given');
  }
}

async function post(ctx, path, body, sessionId) {
  const response = await ctx.fetch(ctx.options.url + path, {
    method: 'POST',
    reads: path === '/Login',
    headers: {
      'content-type': 'application/json',
      ...(sessionId ? { cookie: `B1SESSION=${sessionId}` } : {}),
    },
    body: JSON.stringify(body),
  });
  return read(response, path === '/Login');
}

async function get(ctx, path, sessionId) {
  const response = await ctx.fetch(ctx.options.url + path, {
    headers: { cookie: `B1SESSION=${sessionId}` },
  });
  return read(response, true);
}

async function read(response, reads) {
  const { status } = response;
  if (status === 502 || status === 503) throw hold('the ERP is down for maintenance', { status });
  if (status >= 500) throw (reads ? retry : unknown)(`the ERP answered ${status}`, { status });
  return { status, body: await response.json() };
}

const findOrder = async (ctx) => {
  const filter = encodeURIComponent(`NumAtCard eq '${ctx.data.orderNumber}'`);
  const { body } = await call(ctx, `/Orders?$filter=${filter}`, (path, id) => get(ctx, path, id));
  return body.value?.[0] ?? null;
};

export default defineConnector({
  options: z.object({ url: z.url(), company: z.string() }),
  secrets: z.object({ user: z.string(), password: z.string() }),
  async ping(ctx) {
    await loggedIn(ctx);
  },
  instructions: {
    add_order: {
      data: z.looseObject({
        orderNumber: z.coerce.string(),
        customer: z.string(),
        lines: z.array(z.looseObject({ sku: z.string(), quantity: z.number().positive() })).min(1),
      }),
      async run(ctx) {
        const { orderNumber, customer, lines } = ctx.data;
        // An earlier attempt may have been carried out though nobody heard of it.
        const there = ctx.attempt > 1 ? await findOrder(ctx) : null;
        if (there) return alreadyDone({ docNum: there.DocNum });
        const order = {
          CardCode: customer,
          NumAtCard: orderNumber,
          DocumentLines: lines.map(({ sku, quantity }) => ({ ItemCode: sku, Quantity: quantity })),
        };
        const { body, status } = await call(ctx, '/Orders', (path, id) =>
          post(ctx, path, order, id),
        );
        // This ERP answers 200 to everything it has understood, also to what it will not do.
        if (body.error) throw fail(`the ERP: ${body.error.message}`, { status });
        ctx.log(`order ${orderNumber} is document ${body.DocNum}`);
        return { docNum: body.DocNum };
      },
      async verify(ctx) {
        const there = await findOrder(ctx);
        return there ? alreadyDone({ docNum: there.DocNum }) : notThere();
      },
    },
  },
});
