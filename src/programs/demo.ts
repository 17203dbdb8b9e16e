import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { UsageError } from '../cli/exit.js';
import { entries } from '../cli/import/entries.js';
import type { LineItem } from '../cli/import/item-line.js';
import { sessionOf } from '../cli/session.js';
import { AndonClient } from '../client/client.js';
import type { Item } from '../client/shapes.js';
import { type Config, loadConfig } from '../config/load.js';
import { mailServer } from '../config/mail-server.js';
import { DEMO_URL } from '../connectors/demo/demo.js';
import { DemoFarSide } from '../connectors/demo/server.js';
import { loadCatalogue } from '../instructions/catalogue.js';
import type { JsonObject } from '../json.js';
import { pause } from '../lifecycle.js';
import type { System } from '../system.js';
import { DemoMail } from './demo-mail.js';
import { serve } from './up.js';

const DEMO_PORT = new URL(DEMO_URL).port;
const CHANNEL = 'cape-shop';
const SOURCE = 'sage';
const SENDER = 'Andon <andon@demo.example>';
/** Who is told of what stands in the demo. */
const RECIPIENT = 'you@demo.example';
/** Which product of the file is spoilt, counted from 0. */
const SPOILT = 4;

/** `andon demo`: real products on their way to a shop, one of them spoilt, the queue stopped at it. */
export function addDemo(program: Command): void {
  const demo = program
    .command('demo')
    .description('Show it: a demo shop and ERP, real products, a queue that stops at a bad one')
    .option('--shop-port <port>', 'where the demo shop and ERP listen, 0: anywhere', DEMO_PORT)
    .option(
      '--shop <url>',
      'a demo shop and ERP elsewhere, for an Andon at --url: as in containers',
    )
    .action(async ({ shopPort, shop }: { shopPort: string; shop?: string }, command: Command) => {
      const config = loadConfig();
      if (shop) {
        // People reach both from outside, by the ports that are published.
        const seen = {
          url: config.publicUrl ?? '',
          shop: `http://127.0.0.1:${DEMO_PORT}`,
          mails: 'http://127.0.0.1:8025',
        };
        await show(sessionOf(command, process).client, shop, seen.url, '', seen);
        return;
      }
      if (await answers(`http://${config.host}:${config.port}/healthz`)) {
        const { client } = sessionOf(command, process);
        const farSide = await startFarSide(shopPort);
        await show(client, farSide.url, `http://${config.host}:${config.port}`, '', null);
        if (farSide.isOwn) await untilInterrupted();
        farSide.stop();
        return;
      }
      await serveWithMail(config, shopPort);
    });
  demo
    .command('far-side')
    .description('Only the demo shop and ERP, as a program of their own')
    .option('--port <port>', 'where it listens', DEMO_PORT)
    .option('--host <address>', 'at which address; in a container 0.0.0.0', '127.0.0.1')
    .action(async ({ port, host }: { port: string; host: string }) => {
      const farSide = new DemoFarSide({ port: Number(port), host });
      await farSide.start();
      process.stdout.write(`The demo shop and ERP answer at ${farSide.url}\n`);
      await untilInterrupted();
      await farSide.stop();
    });
}

/** A system of its own, whose mails are shown instead of sent unless a mail server is set. */
async function serveWithMail(config: Config, shopPort: string): Promise<void> {
  const post = config.mail ? null : new DemoMail();
  const smtp = await post?.start();
  const settings = { ...config.file.mail, from: config.file.mail.from ?? SENDER };
  const mail = smtp ? mailServer(smtp, settings, []) : config.mail;
  const publicUrl = config.publicUrl ?? `http://${config.host}:${config.port}`;
  try {
    await serve(
      { ...config, mail, publicUrl, logLevel: 'error' },
      {
        roles: ['api', 'worker', 'alerts'],
        andThen: (system) => showWith(system, shopPort),
        ...(post && { demo: post.room }),
      },
    );
  } finally {
    await post?.stop();
  }
}

/** The demo on a system of its own. */
async function showWith(system: System, shopPort: string): Promise<{ stop(): Promise<void> }> {
  const farSide = await startFarSide(shopPort);
  const key = system.adminKey?.made ?? (await keyOf(system));
  const url = system.url ?? '';
  await show(new AndonClient({ url, key }), farSide.url, url, loginOf(system));
  return {
    async stop() {
      farSide.stop();
    },
  };
}

async function keyOf({ adminKey }: System): Promise<string> {
  if (adminKey?.file) return (await readFile(adminKey.file, 'utf8')).trim();
  const given = process.env['ANDON_KEY'] ?? process.env['ANDON_BOOTSTRAP_KEY'];
  if (given) return given;
  throw new UsageError('The demo needs an admin key: give one in ANDON_KEY.');
}

/** How a person gets in, as far as this process knows. */
function loginOf({ firstLogin }: System): string {
  if (firstLogin?.password) return `   (as ${firstLogin.name}, password ${firstLogin.password})`;
  return firstLogin?.file ? `   (as ${firstLogin.name}, password in ${firstLogin.file})` : '';
}

/** The shop and ERP run in a process of their own, unless they run there already. */
async function startFarSide(port: string): Promise<{ url: string; isOwn: boolean; stop(): void }> {
  const wanted = `http://127.0.0.1:${port}`;
  if (port !== '0' && (await answers(`${wanted}/healthz`)))
    return { url: wanted, isOwn: false, stop() {} };
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const child = spawn(process.execPath, [cli, 'demo', 'far-side', '--port', port], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const said = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  const [url] = /http:[^\s]+/.exec(String(said[0])) ?? [];
  if (!url)
    throw new UsageError(`The demo shop did not start: is ${wanted} taken by another program?`);
  return { url, isOwn: true, stop: () => void child.kill() };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    (response) => response.ok,
    () => false,
  );
}

/**
 * @param seen where people see the shop and the mails, when that is elsewhere; null: the mails of that
 * Andon are its own matter, so nobody of the demo is told
 */
async function show(
  client: AndonClient,
  shop: string,
  url: string,
  login = '',
  seen: { shop: string; mails: string } | null = { shop, mails: `${url}/demo/mail` },
): Promise<void> {
  await client.putEndpoint('channel', CHANNEL, {
    description: 'Cape Shopify (demo)',
    client: 'demo',
    connector: { type: 'demo', url: `${shop}/shops/${CHANNEL}` },
    recordUrl: `${seen?.shop ?? shop}/shops/${CHANNEL}?sku={sku}`,
  });
  await client.putEndpoint('source', SOURCE, {
    description: 'Sage (demo)',
    client: 'demo',
    connector: { type: 'demo', url: `${shop}/erps/${SOURCE}` },
  });
  if (seen) await client.putAlertList({ client: 'demo', recipients: [{ address: RECIPIENT }] });
  const queue = `channel.${CHANNEL}`;
  const before = await client.queue(queue);
  let said = `Item ${before.blockedBy?.queueId} still blocks the queue from last time.`;
  if (!before.blocked) {
    const items = await products();
    await fetch(`${shop}/shops/${CHANNEL}`, { method: 'DELETE' });
    await client.enqueueBatch(items);
    said = `${items.length} products from examples/apparel.csv were enqueued, one of them spoilt.`;
  }
  const blocked = await untilBlocked(client, queue);
  process.stdout.write(
    story(said, blocked.item, blocked.waiting, { url, login, shop, mails: null, ...seen }),
  );
}

type Product = Omit<LineItem, 'idempotencyKey'>;

async function products(): Promise<Product[]> {
  const file = fileURLToPath(new URL('../../examples/apparel.csv', import.meta.url));
  const settings = {
    file,
    channel: CHANNEL,
    instruction: 'add_product',
    catalogue: loadCatalogue(),
    run: '',
  };
  const items: Product[] = [];
  for await (const { item } of entries(settings)) {
    const { idempotencyKey: _, ...rest } = item;
    items.push(items.length === SPOILT ? { ...rest, data: spoilt(rest.data) } : rest);
  }
  return items;
}

/** The price of the first variant turns negative, which no shop takes. */
function spoilt(data: JsonObject): JsonObject {
  const [first, ...others] = Array.isArray(data['variants']) ? data['variants'] : [];
  const variant = first !== null && typeof first === 'object' && !Array.isArray(first) ? first : {};
  return {
    ...data,
    variants: [{ ...variant, price: -Math.abs(Number(variant['price'] ?? 1)) }, ...others],
  };
}

async function untilBlocked(
  client: AndonClient,
  queue: string,
): Promise<{ item: Item; waiting: number }> {
  for (let tries = 0; tries < 300; tries += 1) {
    const { blockedBy, counts } = await client.queue(queue);
    if (blockedBy) return { item: await client.item(blockedBy.queueId), waiting: counts.waiting };
    await pause(100);
  }
  throw new UsageError(
    `${queue} did not stop at the spoilt product: see npx andon items --queue ${queue}`,
  );
}

function story(
  said: string,
  item: Item,
  waiting: number,
  { url, login, shop, mails }: { url: string; login: string; shop: string; mails: string | null },
): string {
  const variants = item.data['variants'];
  const [variant] = Array.isArray(variants) ? variants : [];
  const price =
    variant !== null && typeof variant === 'object' && !Array.isArray(variant)
      ? Number(variant['price'])
      : 0;
  const id = item.queueId;
  return `
  ${said}
  Those before the spoilt one are in the shop. Then the queue stopped:

    item ${id}  ${item.description} · ${item.title}
    error     ${item.error?.message ?? ''}
    behind it ${waiting} wait, and none of them starts before you have dealt with it

  Look at it   npx andon item ${id}
  Put right    npx andon edit ${id} --set variants.0.price=${Math.abs(price)}
  and retry    npx andon retry ${id}
  or skip it   npx andon skip ${id} --reason "not sold any more"

  Over HTTP    POST ${url}/v1/items/${id}/retry   (Authorization: Bearer, key in data/admin-key)
  All calls    ${url}/docs
  The desk     ${url}/${login}
  Its mail     ${mails ? `${mails}   (in some seconds: who is told, and how)` : 'to nobody yet: npx andon recipients set YOU@EXAMPLE.COM --client demo'}
  The shop     ${shop}/shops/${CHANNEL}
  Stop         Ctrl-C

`;
}

function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  });
}
