import { connect } from 'node:net';

/**
 * What listens on a port of this machine: our Redis (and its process id), our Redis while it reads
 * its data, something that takes the connection but says nothing, or nothing of ours.
 */
export type Found =
  | { readonly is: 'ready'; readonly pid: number }
  | { readonly is: 'loading' }
  | { readonly is: 'silent' }
  | { readonly is: 'absent' };

const ABSENT: Found = { is: 'absent' };

/** How long a Redis may take to answer before it counts as silent, in milliseconds. */
const ANSWER_MS = 1_000;

/** Asks by hand, in one exchange, so that nothing is left open and nothing reconnects. */
export function probe(port: number, password: string): Promise<Found> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1');
    const answer = (found: Found) => {
      socket.destroy();
      resolve(found);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_MS, () => answer(reply ? understand(reply) : { is: 'silent' }));
    socket.on('connect', () => socket.write(`AUTH ${password}\r\nPING\r\nINFO server\r\nQUIT\r\n`));
    socket.on('data', (chunk: string) => {
      reply += chunk;
    });
    socket.on('error', () => answer(ABSENT));
    socket.on('close', () => answer(understand(reply)));
  });
}

/** A stranger on the port does not take our password, so its first line is not `+OK`. */
function understand(reply: string): Found {
  const [auth, ping] = reply.split('\r\n');
  if (auth !== '+OK') return ABSENT;
  if (ping?.startsWith('-LOADING')) return { is: 'loading' };
  const pid = /^process_id:(\d+)/m.exec(reply)?.[1];
  return ping === '+PONG' && pid ? { is: 'ready', pid: Number(pid) } : ABSENT;
}
