import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll } from '@jest/globals';

const open = new Set<Cutting>();
afterAll(() => {
  for (const one of open) one.end();
});

/** Between a program and Andon: lets requests through and cuts the connection in place of some answers. */
export class Cutting {
  /** How many of the answers to come are lost. */
  toLose = 0;
  lost = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(target: URL) {
    this.server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const socket of [near, far]) {
        this.sockets.add(socket);
        socket.on('error', () => {});
      }
      near.on('data', (bytes) => far.write(bytes));
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
      far.on('data', (bytes) => {
        if (this.toLose === 0) return void near.write(bytes);
        // The answer came as far as here, so the request was carried out.
        this.toLose -= 1;
        this.lost += 1;
        near.destroy();
      });
    });
  }

  static async before(url: string): Promise<Cutting> {
    const proxy = new Cutting(new URL(url));
    open.add(proxy);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  end(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}
