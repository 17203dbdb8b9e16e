/** An ERP with sessions that answers as SAP's Service Layer and its kind do, with their faults. */
import { listen, readBody } from '../far-side.js';

export const USER = 'andon';
export const PASSWORD = 'p4ssw0rd-of-the-erp';

export async function startFake() {
  const erp = {
    orders: [],
    /** Orders that arrived, refused ones too. */
    arrivals: [],
    logins: 0,
    sessions: new Set(),
    /** error, silent, refuse, no-licence, loses-answer: what is the matter with it. */
    fault: null,
    stock: new Set(['A', 'B']),
  };
  const server = await listen(async (request, response) => {
    const text = await readBody(request);
    if (erp.fault === 'silent') return;
    const send = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (erp.fault === 'error') return send(500, {});
    const url = new URL(request.url, 'http://erp');
    if (url.pathname === '/Login') return send(200, login(erp, JSON.parse(text)));
    const id = /B1SESSION=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    if (!erp.sessions.has(id))
      return send(401, {
        error: { code: 301, message: 'Invalid session or session already timeout.' },
      });
    if (request.method === 'GET') {
      const [, reference] = /'(.*)'/.exec(url.searchParams.get('$filter')) ?? [];
      return send(200, { value: erp.orders.filter((one) => one.NumAtCard === reference) });
    }
    const answer = book(erp, JSON.parse(text));
    if (erp.fault !== 'loses-answer') return send(200, answer);
    erp.fault = null;
    request.socket.destroy();
  });
  return { ...server, erp };
}

function login(erp, { user, password }) {
  erp.logins += 1;
  if (user !== USER || password !== PASSWORD)
    return { error: { code: 100000027, message: `Login failed for ${user} with ${password}` } };
  if (erp.fault === 'no-licence') return { error: { code: -5002, message: 'No free licence' } };
  const sessionId = `s${erp.logins}`;
  erp.sessions.add(sessionId);
  return { sessionId };
}

function book(erp, order) {
  erp.arrivals.push({});
  const missing = order.DocumentLines.find(({ ItemCode }) => !erp.stock.has(ItemCode));
  if (missing || erp.fault === 'refuse')
    return {
      error: { code: -10, message: `Item ${missing?.ItemCode ?? 'X'} is not in the item master` },
    };
  const booked = { ...order, DocNum: 5001 + erp.orders.length };
  erp.orders.push(booked);
  return booked;
}
