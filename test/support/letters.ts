import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../src/log.js';
import { Api } from './api.js';
import { FarSide } from './far-side.js';
import { type TestRedis, temporaryDirectory } from './redis.js';
import { type Manners, TestSmtp } from './smtp.js';

const directory = await temporaryDirectory();
let count = 0;

const settings = (more: string) => `
mail: { from: "Andon <andon@shop.example>", timeoutMs: 1000 }
retry: { send_email: { firstDelayMs: 20, maxDelayMs: 50 }, add_product: { attempts: 1 } }
hold: { firstMs: 20, maxMs: 50 }
fleet: { tendMs: 20 }
alerts:
  lists: [{ recipients: [{ address: ann@shop.example, name: "Ann, of the \\"shop\\"" }] }]
  timings: { lookMs: 100, gatherMs: 0, calmMs: 0 }
${more}`;

export interface Office {
  readonly api: Api;
  readonly smtp: TestSmtp;
  readonly shop: FarSide;
}

/** Everything in one process, as `andon up` runs it, with a shop that refuses and a real mail server. */
export async function startOffice(
  redis: TestRedis,
  { manners = {}, more = '', log }: { manners?: Manners; more?: string; log?: Log } = {},
): Promise<Office> {
  const smtp = await TestSmtp.start();
  smtp.manners = manners;
  const config = join(directory, `andon-${count++}.yaml`);
  await writeFile(config, settings(more));
  const api = await Api.start(redis, {
    roles: ['api', 'worker', 'alerts'],
    config,
    environment: { ANDON_SMTP_URL: smtp.url, ANDON_PUBLIC_URL: 'https://andon.example/' },
    ...(log && { log }),
  });
  const shop = await FarSide.start();
  shop.answer = () => ({ status: 422, body: { detail: 'no <b>price</b> & no stock' } });
  await api.put('channel', '12', shop.url);
  return { smtp, api, shop };
}
