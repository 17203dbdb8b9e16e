import { PASSWORD, startFake, USER } from './fake.js';

export const title = 'An ERP with a login session, behind erp/connector.js';

/** Orders do not wait for each other: they run in the parallel queue. */
const QUEUE = 'parallel';

export async function show(andon, say) {
  const { url, erp, close } = await startFake();
  try {
    await andon.put('source', 'erp', {
      type: 'module',
      path: 'erp/connector.js',
      options: { url, company: 'CAPE' },
      secrets: { user: USER, password: PASSWORD },
    });
    await andon.enqueue(order('1001', 'A'), order('1002', 'B'));
    await andon.drain(QUEUE);
    say(`2 orders were booked with ${erp.logins} login: documents ${documents(erp)}.`);

    erp.sessions.clear();
    await andon.enqueue(order('1003', 'A'));
    await andon.drain(QUEUE);
    say(`The ERP forgot the session; ${erp.logins} logins now: documents ${documents(erp)}.`);

    const [unknownArticle] = await andon.enqueue(order('1004', 'X'));
    await andon.drain(QUEUE);
    const { error } = await andon.client.item(unknownArticle);
    say(`Order 1004 has an article that the ERP does not know. It said so with status 200:`);
    say(`  "${error.message}"`);
    erp.stock.add('X');
    await andon.client.retry(unknownArticle);
    await andon.drain(QUEUE);
    say(`The article was created, the item retried: documents ${documents(erp)}.`);

    erp.fault = 'loses-answer';
    const [lost] = await andon.enqueue(order('1005', 'A'));
    await andon.drain(QUEUE);
    say('Order 1005 was booked, but the answer of the ERP got lost on its way.');
    if ((await andon.client.item(lost)).state === 'failed') {
      await andon.client.retry(lost);
      await andon.drain(QUEUE);
    }
    const { outcome } = await andon.client.item(lost);
    say(`Before it is sent again it is looked up: ${JSON.stringify(outcome.result)}.`);
    const booked = erp.orders.filter((one) => one.NumAtCard === '1005').length;
    say(`The ERP has ${booked} order 1005.`);
  } finally {
    await close();
  }
}

const documents = (erp) => erp.orders.map((one) => one.DocNum).join(', ');

const order = (orderNumber, sku) => ({
  instruction: 'add_order',
  source: 'erp',
  data: { orderNumber, customer: 'C-100', lines: [{ sku, quantity: 1 }] },
});
