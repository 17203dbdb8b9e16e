import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll } from '@jest/globals';

const open = new Set<Network>();
afterAll(() => {
  for (const network of open) network.end();
});

/** Between Andon and Redis, and as bad as networks are. */
export class Network {
  private weather: 'fine' | 'stalled' | 'replies late' | 'replies lost' | 'refusing' = 'fine';
  private held: (() => void)[] = [];
  private readonly sockets = new Set<Socket>();
  /** Sockets of connections that stand but carry nothing any more. */
  private readonly dead = new Set<Socket>();
  private late: string | null = null;
  private unheard: { text: string; times: number } | null = null;
  private readonly server = createServer((near) => this.join(near));
  private readonly target: URL;

  private constructor(redisUrl: string) {
    this.target = new URL(redisUrl);
  }

  static async before(redisUrl: string): Promise<Network> {
    const network = new Network(redisUrl);
    open.add(network);
    network.server.listen(0, '127.0.0.1');
    await once(network.server, 'listening');
    return network;
  }

  /** The Redis URL by way of this network. */
  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `redis://:${this.target.password}@127.0.0.1:${port}`;
  }

  /** What is sent arrives when it is over. */
  stall(): void {
    this.weather = 'stalled';
  }

  /** Commands arrive and are carried out; nobody hears of it. */
  loseReplies(): void {
    this.weather = 'replies lost';
  }

  /** Once a command bears `text`, that one and all others are carried out, and nobody hears of it until it is over. */
  delayRepliesFrom(text: string): void {
    this.late = text;
  }

  get isLate(): boolean {
    return this.weather === 'replies late';
  }

  /** As often as that, the connection ends between a command that bears `text`, which is carried out, and its reply. */
  loseReplyTo(text: string, times: number): void {
    this.unheard = { text, times };
  }

  /** How many such replies are still to be lost. */
  get toBeLost(): number {
    return this.unheard?.times ?? 0;
  }

  /** The connections that stand carry nothing any more and nobody is told; new ones work. */
  halfOpen(): void {
    for (const socket of this.sockets) this.dead.add(socket);
  }

  /** Every connection ends, none is made. */
  refuse(): void {
    this.weather = 'refusing';
    this.hangUp();
  }

  heal(): void {
    if (this.weather === 'replies lost') this.hangUp();
    this.weather = 'fine';
    for (const pass of this.held.splice(0)) pass();
  }

  end(): void {
    this.hangUp();
    this.server.close();
  }

  private join(near: Socket): void {
    if (this.weather === 'refusing') return void near.destroy();
    const far = connect(Number(this.target.port), '127.0.0.1');
    let cut = false;
    near.on('data', (bytes) => {
      cut ||= this.isUnheard(bytes);
      if (this.late !== null && bytes.includes(this.late)) {
        this.weather = 'replies late';
        this.late = null;
      }
      if (!this.dead.has(near)) this.pass(() => far.write(bytes));
    });
    far.on('data', (bytes) => {
      if (cut) near.destroy();
      else if (this.weather !== 'replies lost' && !this.dead.has(far))
        this.pass(() => near.write(bytes), 'replies late');
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  }

  private isUnheard(bytes: Buffer): boolean {
    if (!this.unheard || this.unheard.times === 0 || !bytes.includes(this.unheard.text))
      return false;
    this.unheard.times -= 1;
    return true;
  }

  private pass(send: () => void, heldBy: 'stalled' | 'replies late' = 'stalled'): void {
    if (this.weather === 'stalled' || this.weather === heldBy) this.held.push(send);
    else send();
  }

  private hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }
}
