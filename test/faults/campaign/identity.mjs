/**
 * Loaded into every process of Andon that the campaign starts; the product knows nothing of it. It
 * calls the shop from an address of this process alone, so that the witness sees who delivers, goes to
 * each Redis by way of its own link, and writes down when the process did not get to run, which may have cost it its locks.
 */
import { appendFileSync } from 'node:fs';
import net from 'node:net';

const { FAULTS_ADDRESS: address, FAULTS_SHOP_PORT: port, FAULTS_LAG_FILE: file } = process.env;
const detours = JSON.parse(process.env.FAULTS_DETOURS ?? '{}');
const EVERY_MS = 50;

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (options && typeof options === 'object') {
    if (String(options.port) === port) options.localAddress = address;
    // Sentinels and a Cluster tell where their servers are: only here can a link be put before them.
    const by = detours[options.port];
    if (by && Array.isArray(args[0])) {
      args[0][0] = { ...options, port: by };
      // As if there were no link: where it is connected to is compared with what the Sentinels name.
      Object.defineProperty(this, 'remotePort', { value: Number(options.port) });
    }
  }
  return connect.apply(this, args);
};

const now = () => Number(process.hrtime.bigint()) / 1e6;
let last = now();
setInterval(() => {
  const at = now();
  if (at - last > EVERY_MS + 200)
    appendFileSync(file, `${JSON.stringify({ process: address, from: last, till: at })}\n`);
  last = at;
}, EVERY_MS).unref();
