/**
 * A B2B trade store that Andon delivers to with its plain `http` connector. This is the far side: copy it
 * into your own program, in whatever language that is.
 *
 * What it shows: checking the signature, doing each delivery once though it may come twice, and answers
 * that Andon understands: 200 done, 409 already done, 422 for a person, 429 come back later.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { listen, readBody } from '../far-side.js';

/** A signature older than this, in seconds, may have been listened in on. */
const TOLERANCE = 300;

export async function startStore({ secret }) {
  const store = {
    products: new Map(),
    /** What was answered to which key: kept with the data, in a real store in the same transaction. */
    done: new Map(),
    arrivals: [],
    /** error, silent, refuse, busy: what is the matter with it. */
    fault: null,
  };
  const server = await listen(async (request, response) => {
    const body = await readBody(request);
    const { fault } = store;
    if (fault === 'silent') return;
    if (fault === 'error') return response.writeHead(500).end();
    if (request.method === 'GET') return response.writeHead(204).end();
    if (!isSigned(request.headers, body, secret))
      return problem(response, 401, 'the signature is wrong');
    if (fault === 'busy') return problem(response, 429, 'too many calls', { 'retry-after': '1' });
    const key = request.headers['idempotency-key'];
    store.arrivals.push({ key, attempt: Number(request.headers['x-andon-attempt']) });
    if (store.done.has(key))
      return json(response, 409, { outcome: 'already_done', result: store.done.get(key) });
    const { data } = JSON.parse(body);
    const wrong = fault === 'refuse' ? 'this store sells no such thing' : whatIsWrong(data);
    if (wrong) return problem(response, 422, wrong);
    store.products.set(data.sku, data);
    store.done.set(key, { sku: data.sku });
    json(response, 200, { result: { sku: data.sku }, log: [`${data.sku} is listed`] });
  });
  return { ...server, store };
}

const whatIsWrong = ({ sku, tradePrice }) =>
  typeof tradePrice === 'number' && tradePrice > 0 ? null : `${sku} has no trade price`;

/** Standard Webhooks: HMAC-SHA256 over id, time and body; most languages have a library for it. */
function isSigned(headers, body, secret) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .map((one) => Buffer.from(one.replace(/^v1,/, ''), 'base64'))
    .some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
}

const json = (response, status, body, headers = {}) =>
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));

const problem = (response, status, detail, headers) =>
  json(response, status, { status, detail }, headers);
