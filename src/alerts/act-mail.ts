import type { Connector, Delivery } from '../connectors/connector.js';
import type { Acts } from '../incidents/acts.js';
import { type Addresses, addressesIn } from '../instructions/address.js';
import { SealedForGood } from '../secrets/vault.js';

/** Writes the links to act by into mails of the alerts, at the last moment before they leave. */
export function withActs(connector: Connector, acts: Acts): Connector {
  return {
    ...(connector.asks && { asks: (delivery) => connector.asks?.(delivery) ?? '' }),
    ...(connector.ping && { ping: (signal) => connector.ping?.(signal) ?? Promise.resolve() }),
    async deliver(delivery) {
      return connector.deliver(await filled(delivery, acts));
    },
  };
}

async function filled(delivery: Delivery, acts: Acts): Promise<Delivery> {
  const { acts: sealed, to, cc, bcc, text, html } = delivery.data;
  if (typeof sealed !== 'string') return delivery;
  const [recipient, ...others] = [to, cc, bcc].flatMap(readAddresses);
  // Whoever enqueues mails and reads ours must not have its tokens sent anywhere else.
  if (!recipient || others.length > 0) return delivery;
  try {
    const texts = await acts.fill(sealed, [String(text), String(html)], recipient);
    return { ...delivery, data: { ...delivery.data, text: texts[0] ?? '', html: texts[1] ?? '' } };
  } catch (error) {
    // Without its key the links lead nowhere; the mail itself matters more.
    if (error instanceof SealedForGood) return delivery;
    throw error;
  }
}

const readAddresses = (to: unknown): string[] =>
  addressesIn(to as Addresses | undefined).map(({ address }) => address.toLowerCase());
