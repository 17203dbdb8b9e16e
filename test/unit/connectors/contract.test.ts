import { afterEach, describe, it } from '@jest/globals';
import { demoType } from '../../../src/connectors/demo/demo.js';
import { DemoFarSide } from '../../../src/connectors/demo/server.js';
import { emailType } from '../../../src/connectors/email/email.js';
import { PostOffice } from '../../../src/connectors/email/post-office.js';
import { httpType } from '../../../src/connectors/http.js';
import { webhookType } from '../../../src/connectors/webhook.js';
import { type Bench, type ContractSubject, contractCases } from '../../../src/testing/contract.js';
import { openModule } from '../../../src/testing/module.js';
import { type Manners, TestSmtp } from '../../support/smtp.js';
import { deadPort, exchangeFor, farSide, tidy } from './far-side.js';

afterEach(tidy);

const example = (path: string): Promise<unknown> =>
  import(new URL(`../../../examples/connectors/${path}`, import.meta.url).href);

interface Fake {
  readonly url: string;
  close(): Promise<void>;
}
interface Arrived {
  readonly arrivals: Bench['arrivals'] extends () => infer A ? A : never;
  fault: string | null;
}

const timeoutMs = 1_500;
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const silentExchange = () => exchangeFor();

/** The trade store of the examples behind `http`; any receiver that keeps to DESIGN §5 would do. */
async function http(
  fault: string | null,
  over: { secret?: string; port?: number } = {},
): Promise<Bench> {
  const { startStore } = (await example('store/store.js')) as {
    startStore(o: object): Promise<Fake & { store: Arrived & { products: Map<string, unknown> } }>;
  };
  const { url, store, close } = await startStore({ secret: over.secret ?? secret });
  store.fault = fault;
  const type = httpType(silentExchange());
  const address = over.port ? `http://127.0.0.1:${over.port}` : url;
  const connector = type.create(type.parse({ type: 'http', url: address, secret, timeoutMs }));
  return {
    connector,
    arrivals: () => store.arrivals,
    carriedOut: () => store.products.size,
    close,
  };
}

/** The demo shop, with its fault switch. */
async function demo(fault: object): Promise<Bench> {
  const side = new DemoFarSide({ port: 0, secrets: new Map([['test', secret]]) });
  await side.start();
  await fetch(`${side.url}/fault`, { method: 'POST', body: JSON.stringify(fault) });
  const type = demoType(silentExchange());
  const connector = type.create(type.parse({ type: 'demo', url: side.url, secret, timeoutMs }));
  const view = async () => (await fetch(`${side.url}/shops/test`)).json();
  let kept = { received: [], products: {} } as {
    received: { key: string; attempt: number }[];
    products: object;
  };
  return {
    connector: {
      async deliver(delivery) {
        try {
          return await connector.deliver(delivery);
        } finally {
          kept = (await view()) as typeof kept;
        }
      },
    },
    arrivals: () => kept.received,
    carriedOut: () => Object.keys(kept.products).length,
    close: () => side.stop(),
  };
}

async function shopify(
  prepare: (shop: Shop) => void = () => {},
  accessToken = 'shpat_5ca1ab1e',
  port?: number,
): Promise<Bench> {
  const { startFake } = (await example('shopify/fake.js')) as {
    startFake(): Promise<Fake & { shop: Shop }>;
  };
  const { url, shop, close } = await startFake();
  prepare(shop);
  const options = { shop: port ? `http://127.0.0.1:${port}` : url };
  const file = 'examples/connectors/shopify/connector.js';
  const opened = await openModule(file, { options, secrets: { accessToken }, timeoutMs });
  return {
    connector: opened.connector,
    arrivals: () => shop.arrivals,
    carriedOut: () => shop.products.size,
    close: async () => void (await Promise.all([opened.close(), close()])),
  };
}
interface Shop extends Arrived {
  readonly products: Map<string, unknown>;
  readonly bucket: { currentlyAvailable: number };
  readonly badImages: Set<string>;
}

async function erp(
  fault: string | null,
  password = 'p4ssw0rd-of-the-erp',
  port?: number,
): Promise<Bench> {
  const { startFake } = (await example('erp/fake.js')) as {
    startFake(): Promise<Fake & { erp: Arrived & { orders: unknown[] } }>;
  };
  const { url, erp, close } = await startFake();
  erp.fault = fault;
  const opened = await openModule('examples/connectors/erp/connector.js', {
    options: { url: port ? `http://127.0.0.1:${port}` : url, company: 'CAPE' },
    secrets: { user: 'andon', password },
    timeoutMs,
  });
  return {
    connector: opened.connector,
    arrivals: () => erp.arrivals,
    carriedOut: () => erp.orders.length,
    close: async () => void (await Promise.all([opened.close(), close()])),
  };
}

/** A mail server; a mail program shows a mail that came twice once, by its Message-ID. */
async function mail(
  manners: Manners,
  over: { password?: string; gone?: boolean } = {},
): Promise<Bench> {
  const smtp = await TestSmtp.start({ login: 'andon:p4ssw0rd' });
  smtp.manners = manners;
  const office = new PostOffice({
    host: '127.0.0.1',
    port: over.gone ? await deadPort() : smtp.port,
    tls: 'off',
    login: { user: 'andon', password: over.password ?? 'p4ssw0rd' },
    from: 'andon@example.com',
    replyTo: null,
    dkim: null,
    timeoutMs,
    connections: 2,
  });
  return {
    connector: await emailType(office).create({ type: 'email' }),
    arrivals: () =>
      smtp.mails.flatMap(({ to }) => to.map((key) => ({ part: { kind: 'recipient', key } }))),
    carriedOut: () => new Set(smtp.mails.map(({ mail: { messageId } }) => messageId)).size,
    async close() {
      office.close();
      await smtp.stop();
    },
  };
}

/** A receiver of webhooks that knows what it had by `webhook-id`, as Standard Webhooks asks of it. */
async function webhook(status: number | null, over: { gone?: boolean } = {}): Promise<Bench> {
  const had: { key: string }[] = [];
  const url = await farSide((request, response) => {
    request.resume().on('end', () => {
      if (status === null) return;
      had.push({ key: String(request.headers['webhook-id']) });
      response.writeHead(status, status === 429 ? { 'retry-after': '2' } : {}).end(secret);
    });
  });
  const known = {
    id: 'crm',
    url: over.gone ? `http://127.0.0.1:${await deadPort()}` : url,
    client: null,
    events: null,
    disabled: null,
    secrets: [secret],
  };
  const book = { find: async () => known, disable: async () => {} };
  const type = webhookType(silentExchange(), () => book);
  return {
    connector: await type.create(type.parse({ type: 'webhook', timeoutMs })),
    arrivals: () => had,
    carriedOut: () => (status === 200 ? new Set(had.map(({ key }) => key)).size : 0),
    close: () => {},
  };
}

const letter = { to: ['ann@example.com', 'ben@example.com'], subject: 'Stock', text: 'All sold.' };

const productData = { sku: 'DRILL', title: 'Drill', tradePrice: 420 };
const image = 'https://img.example/drill.jpg';

const subjects: Record<string, ContractSubject> = {
  'http, before the trade store of the examples': {
    instruction: 'add_product',
    data: productData,
    another: { ...productData, sku: 'SAW' },
    deadlineMs: timeoutMs,
    secrets: [secret],
    farSide: {
      well: () => http(null),
      refuses: () => http('refuse'),
      fails: () => http('error'),
      hangs: () => http('silent'),
      throttles: () => http('busy'),
      gone: async () => http(null, { port: await deadPort() }),
      refusesUs: () => http(null, { secret: `whsec_${'b'.repeat(32)}` }),
    },
  },
  'demo, before the demo shop': {
    instruction: 'add_product',
    data: productData,
    another: { ...productData, sku: 'SAW' },
    deadlineMs: timeoutMs,
    secrets: [secret],
    farSide: {
      well: () => demo({ mode: 'none' }),
      refuses: () => demo({ mode: 'wrong' }),
      fails: () => demo({ mode: 'down' }),
      hangs: () => demo({ mode: 'slow', delayMs: 60_000 }),
      throttles: () => demo({ mode: 'throttling' }),
    },
  },
  'module, the Shopify-like example': {
    instruction: 'add_product',
    data: {
      ...productData,
      variants: [
        { sku: 'DRILL-1', price: 9 },
        { sku: 'DRILL-2', price: 10 },
      ],
      images: [{ src: image }],
    },
    another: { sku: 'SAW', title: 'Saw' },
    deadlineMs: timeoutMs,
    secrets: ['shpat_5ca1ab1e'],
    verifies: true,
    farSide: {
      well: () => shopify(),
      refuses: () => shopify((shop) => Object.assign(shop, { fault: 'refuse' })),
      fails: () => shopify((shop) => Object.assign(shop, { fault: 'error' })),
      hangs: () => shopify((shop) => Object.assign(shop, { fault: 'silent' })),
      throttles: () => shopify((shop) => Object.assign(shop.bucket, { currentlyAvailable: 0 })),
      gone: async () => shopify(() => {}, undefined, await deadPort()),
      refusesUs: () => shopify(() => {}, 'shpat_wrong'),
      async halfWay() {
        let deliveries = 0;
        let shop: Shop | undefined;
        const bench = await shopify((made) => {
          shop = made;
          made.badImages.add(image);
        });
        const deliver: Bench['connector']['deliver'] = (delivery) => {
          deliveries += 1;
          if (deliveries === 2) shop?.badImages.clear();
          return bench.connector.deliver(delivery);
        };
        return { ...bench, connector: { ...bench.connector, deliver } };
      },
    },
  },
  'module, the ERP example': {
    instruction: 'add_order',
    data: { orderNumber: '1001', customer: 'C-1', lines: [{ sku: 'A', quantity: 2 }] },
    another: { orderNumber: '1002', customer: 'C-1', lines: [{ sku: 'B', quantity: 1 }] },
    deadlineMs: timeoutMs,
    secrets: ['p4ssw0rd-of-the-erp', 'wr0ng-password'],
    verifies: true,
    farSide: {
      well: () => erp(null),
      refuses: () => erp('refuse'),
      fails: () => erp('error'),
      hangs: () => erp('silent'),
      gone: async () => erp(null, undefined, await deadPort()),
      refusesUs: () => erp(null, 'wr0ng-password'),
    },
  },
  'email, before a mail server': {
    instruction: 'send_email',
    data: letter,
    another: { ...letter, subject: 'Stock again' },
    deadlineMs: timeoutMs,
    secrets: ['p4ssw0rd', 'wr0ng-password'],
    farSide: {
      well: () => mail({}),
      refuses: () => mail({ data: '554 5.7.1 this looks like spam' }),
      fails: () => mail({ hangUp: true }),
      hangs: () => mail({ silent: true }),
      gone: () => mail({}, { gone: true }),
      refusesUs: () => mail({}, { password: 'wr0ng-password' }),
      async halfWay() {
        let refuses = true;
        const recipient = (address: string) => {
          if (!address.startsWith('ben') || !refuses) return null;
          refuses = false;
          return '450 4.2.1 the box of ben is busy';
        };
        return mail({ recipient });
      },
    },
  },
  'webhook, before a receiver': {
    instruction: 'send_webhook',
    data: { endpoint: 'crm', event: 'stock.sold' },
    another: { endpoint: 'crm', event: 'stock.back' },
    deadlineMs: timeoutMs,
    secrets: [secret],
    farSide: {
      well: () => webhook(200),
      refuses: () => webhook(410),
      fails: () => webhook(500),
      hangs: () => webhook(null),
      throttles: () => webhook(429),
      gone: () => webhook(200, { gone: true }),
    },
  },
};

describe.each(Object.entries(subjects))('%s', (_, subject) => {
  for (const { name, run } of contractCases(subject)) it(name, run);
});
