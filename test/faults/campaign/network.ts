import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { now } from './clock.js';

/** What is under way in one direction, in its order. */
interface Way {
  readonly queue: { readonly bytes: Buffer; readonly at: number }[];
  /** When the last of it arrives. */
  till: number;
}

/** One stretch of wire, near end and far end, and what befalls it. */
interface Wire {
  readonly near: Socket;
  readonly far: Socket;
  readonly forth: Way;
  readonly back: Way;
  dead: boolean;
  /** Replies are swallowed; the wire is cut soon. */
  deaf: boolean;
}

/** A TCP proxy of ours: between processes and Redis, and between workers and the shop. */
export class Link {
  private readonly wires = new Set<Wire>();
  /** Far ends whose near end is gone and who do not know it. */
  private readonly left = new Set<Socket>();
  private readonly server = createServer({ allowHalfOpen: false }, (near) => this.join(near));
  private refusing = false;
  private stalled = false;
  private delayMs = 0;
  private bytesPerSecond = 0;
  private held: (() => void)[] = [];
  /** Far ends are called from the near end's address, so that the shop sees who it is. */
  private readonly keepAddress: boolean;
  port = 0;
  private target: () => number;

  constructor(target: () => number, keepAddress = false) {
    this.target = target;
    this.keepAddress = keepAddress;
  }

  async open(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  close(): void {
    this.server.close();
    this.cut();
    for (const far of this.left) far.destroy();
  }

  /** Every connection ends at once; new ones work. */
  cut(): void {
    for (const { near, far } of this.wires) {
      near.resetAndDestroy();
      far.destroy();
    }
    this.wires.clear();
  }

  away(yes: boolean): void {
    this.refusing = yes;
    if (yes) this.cut();
  }

  /** Connections that stand carry nothing any more, and nobody is told; new ones work. */
  halfOpen(): void {
    for (const wire of this.wires) wire.dead = true;
  }

  delay(ms: number): void {
    this.delayMs = ms;
  }

  throttle(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  stall(yes: boolean): void {
    this.stalled = yes;
    if (!yes) for (const pass of this.held.splice(0)) pass();
  }

  /** What is asked now is carried out and nobody hears of it: the wires end before the reply. */
  async loseReplies(): Promise<void> {
    const wires = [...this.wires];
    for (const wire of wires) wire.deaf = true;
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const { near, far } of wires) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  private join(near: Socket): void {
    near.on('error', () => {});
    if (this.refusing) return void near.destroy();
    const far = connect({
      port: this.target(),
      host: '127.0.0.1',
      ...(this.keepAddress && near.remoteAddress ? { localAddress: near.remoteAddress } : {}),
    });
    near.setNoDelay(true);
    far.setNoDelay(true);
    const way = (): Way => ({ queue: [], till: 0 });
    const wire: Wire = { near, far, forth: way(), back: way(), dead: false, deaf: false };
    this.wires.add(wire);
    far.on('error', () => near.destroy());
    near.on('data', (bytes) => wire.dead || this.pass(bytes, far, wire));
    far.on('data', (bytes) => wire.dead || wire.deaf || this.pass(bytes, near, wire));
    // A dead wire does not tell of the other's end either.
    near.on('close', () => {
      this.wires.delete(wire);
      if (!wire.dead) far.destroy();
      else this.left.add(far);
    });
    far.on('close', () => {
      if (wire.dead) return;
      this.wires.delete(wire);
      near.destroy();
    });
  }

  /** Bytes of one direction arrive in their order, whatever the weather: it is TCP. */
  private pass(bytes: Buffer, to: Socket, wire: Wire): void {
    const way = to === wire.near ? wire.back : wire.forth;
    const calm = !this.stalled && this.delayMs === 0 && this.bytesPerSecond === 0;
    if (calm && way.queue.length === 0) {
      if (!to.destroyed) to.write(bytes);
      return;
    }
    const slow = this.bytesPerSecond > 0 ? (bytes.length / this.bytesPerSecond) * 1_000 : 0;
    const at = Math.max(now() + this.delayMs, way.till) + slow;
    way.till = at;
    way.queue.push({ bytes, at });
    if (way.queue.length === 1) this.drain(way, to, wire);
  }

  private drain(way: Way, to: Socket, wire: Wire): void {
    for (let next = way.queue[0]; next; next = way.queue[0]) {
      if (to.destroyed || wire.dead) return void way.queue.splice(0);
      if (this.stalled) return void this.held.push(() => this.drain(way, to, wire));
      const wait = next.at - now();
      if (wait > 0) return void setTimeout(() => this.drain(way, to, wire), Math.ceil(wait));
      way.queue.shift();
      to.write(next.bytes);
    }
  }
}

/** The links of one process: one before each server that it may speak to. */
export class Links {
  private readonly all: ReadonlyMap<number, Link>;

  private constructor(all: ReadonlyMap<number, Link>) {
    this.all = all;
  }

  static async open(ports: readonly number[]): Promise<Links> {
    const links = await Promise.all(ports.map((port) => new Link(() => port).open()));
    return new Links(new Map(links.map((link, n) => [ports[n] ?? 0, link])));
  }

  /** Where a connection to each of the ports must go instead. */
  get detours(): Record<number, number> {
    return Object.fromEntries([...this.all].map(([port, link]) => [port, link.port]));
  }

  async each(befall: (link: Link) => unknown): Promise<void> {
    await Promise.all([...this.all.values()].map(befall));
  }
}
