// One exchange in a process of its own, for what is settled when a process starts: prints how it ended.
import { Exchange } from '../../../dist/connectors/exchange.js';
import { NetworkGuard } from '../../../dist/connectors/network.js';

const exchange = new Exchange(new NetworkGuard(['127.0.0.0/8', '::1/128']));
const asked = { method: 'GET', url: new URL(process.argv[2]), headers: {}, timeoutMs: 5_000 };
const ended = await exchange
  .send(asked)
  .catch(({ kind, message, sent }) => ({ kind, message, sent }));
exchange.close();
process.stdout.write(JSON.stringify(ended));
