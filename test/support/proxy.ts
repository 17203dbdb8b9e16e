import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can fall silent: connections stay open, nothing passes, nobody is told. */
export class Proxy {
  private readonly pairs = new Set<[Socket, Socket]>();
  private readonly server;

  constructor(target: number) {
    this.server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      this.pairs.add(pair);
      near.pipe(far);
      far.pipe(near);
      for (const socket of pair) {
        socket.on('error', () => {});
        socket.once('close', () => {
          near.destroy();
          far.destroy();
          this.pairs.delete(pair);
        });
      }
    });
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The connections that stand now carry nothing any more; new ones work. */
  silence(): void {
    for (const [near, far] of this.pairs) {
      near.unpipe(far);
      far.unpipe(near);
      near.resume();
      far.resume();
    }
  }

  async stop(): Promise<void> {
    this.server.close();
    for (const [near] of this.pairs) near.destroy();
  }
}
