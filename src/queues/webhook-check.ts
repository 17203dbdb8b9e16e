import type { Fault } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import type { NewItem } from './new-item.js';
import type { Endpoint } from './registry.js';
import type { Webhook, Webhooks } from './webhooks.js';

/** Who asks for items, as far as it matters here. */
interface Asker {
  readonly onlyClient: string | null;
  seesEndpoint(endpoint: Pick<Endpoint, 'kind' | 'id' | 'client'>): boolean;
}

/** What is wrong with the webhooks that items are for, by the place of the item. */
export async function webhookFaults(
  items: readonly NewItem[],
  { catalogue, webhooks }: { readonly catalogue: Catalogue; readonly webhooks?: Webhooks },
  caller: Asker,
): Promise<Map<number, Fault>> {
  const faults = new Map<number, Fault>();
  if (!webhooks) return faults;
  for (const [n, { instruction, data, client }] of items.entries()) {
    const { endpoint, event: name } = data;
    if (catalogue.get(instruction)?.data !== 'webhook' || typeof endpoint !== 'string') continue;
    const webhook = await webhooks.get(endpoint);
    const detail = whatIsWrong(webhook, endpoint, name, client, caller);
    if (detail) faults.set(n, detail);
  }
  return faults;
}

function whatIsWrong(
  webhook: Webhook | null,
  id: string,
  name: unknown,
  client: string | undefined,
  caller: Asker,
): Fault | null {
  const own = client ?? caller.onlyClient;
  const foreign = webhook?.client && own && webhook.client !== own;
  if (!webhook || !caller.seesEndpoint({ kind: 'service', id, client: webhook.client }) || foreign)
    return { pointer: '/data/endpoint', detail: `no webhook "${id}" is registered` };
  if (webhook.disabled) {
    const detail = `the webhook "${id}" is disabled since ${webhook.disabled.at}: ${webhook.disabled.reason}`;
    return { pointer: '/data/endpoint', detail };
  }
  if (webhook.events && !webhook.events.includes(String(name)))
    return {
      pointer: '/data/event',
      detail: `the webhook "${id}" takes ${webhook.events.join(', ')} only`,
    };
  return null;
}
