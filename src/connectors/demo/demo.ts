import { z } from 'zod';
import type { Connector, ConnectorType, Delivery } from '../connector.js';
import type { Exchange } from '../exchange.js';
import { HttpConnector } from '../http.js';
import { checked, httpSettingsSchema, urlSchema } from '../http-settings.js';
import type { NetworkGuard } from '../network.js';

/** Where `DemoFarSide` listens unless told otherwise. */
export const DEMO_URL = 'http://127.0.0.1:3100';

const demoSettingsSchema = (guard: NetworkGuard) =>
  httpSettingsSchema(guard).extend({
    type: z.literal('demo'),
    url: urlSchema(guard).prefault(DEMO_URL),
  });

export type DemoSettings = Readonly<z.output<ReturnType<typeof demoSettingsSchema>>>;

/** The `http` connector, with the demo shop or ERP of the same id as its default address. */
export function demoType(exchange: Pick<Exchange, 'send' | 'guard'>): ConnectorType<DemoSettings> {
  const schema = demoSettingsSchema(exchange.guard);
  return {
    type: 'demo',
    secrets: ['secret', 'headers'],
    parse: (settings) => checked(schema, settings),
    create: (given): Connector => {
      const settings = { pingUrl: new URL('/ping', given.url).href, ...given };
      const at = (delivery: Delivery) => {
        const url = addressOf(settings.url, delivery);
        return new HttpConnector({ verifyUrl: `${url}/verify`, ...settings, url }, exchange);
      };
      return {
        asks: (delivery) => at(delivery).asks(),
        deliver: (delivery) => at(delivery).deliver(delivery),
        ping: new HttpConnector(settings, exchange).ping,
        verify: async (delivery) =>
          (await at(delivery).verify?.(delivery)) ?? { kind: 'not-there' },
      };
    },
  };
}

/** A URL without a path names the demo program; which shop or ERP is meant, the delivery tells. */
function addressOf(url: string, { entry, channel, source }: Delivery): string {
  if (new URL(url).pathname !== '/') return url;
  const path = entry.target === 'channel' ? ['shops', channel] : ['erps', source ?? entry.service];
  return new URL(path.map((part) => encodeURIComponent(part ?? 'unknown')).join('/'), url).href;
}
