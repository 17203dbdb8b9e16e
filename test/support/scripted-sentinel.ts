import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A Sentinel as far as a client sees one; it tells of a failover, and answers, when the test says so. */
export class ScriptedSentinel {
  private readonly server = createServer((socket) => this.serve(socket));
  private readonly listeners = new Set<Socket>();
  private readonly sockets = new Set<Socket>();
  private readonly master: URL;
  /** Called with a question for the master's address instead of answering it at once. */
  onAsked: ((answer: () => void) => void) | null = null;

  /** @param master URL of the Redis that it names */
  constructor(master: string) {
    this.master = new URL(master);
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    const { username, password } = this.master;
    return `redis+sentinel://${username}:${password}@127.0.0.1:${port}/shop`;
  }

  /** How many clients listen for failovers. */
  get heardBy(): number {
    return this.listeners.size;
  }

  /** Resolves when every client that listened has gone. */
  async tellOfFailover(): Promise<void> {
    const text = `shop 127.0.0.1 1 127.0.0.1 ${this.master.port}`;
    const heard = [...this.listeners].map((socket) => once(socket, 'close'));
    for (const socket of this.listeners) socket.write(list('message', '+switch-master', text));
    await Promise.all(heard);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {}); // a client that goes may reset
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.listeners.delete(socket);
    });
    socket.on('data', (data) => {
      for (const command of commandsOf(String(data))) this.answer(socket, command);
    });
  }

  private answer(socket: Socket, [name = '', what = '']: string[]): void {
    if (/^subscribe$/i.test(name)) {
      socket.write(`*3\r\n${bulk('subscribe')}${bulk(what)}:1\r\n`);
      this.listeners.add(socket);
    } else if (/^get-master-addr-by-name$/i.test(what)) {
      const answer = () => socket.write(list('127.0.0.1', this.master.port));
      if (this.onAsked) this.onAsked(answer);
      else answer();
    } else if (/^sentinel$/i.test(name)) {
      socket.write('*0\r\n');
    } else if (/^hello$/i.test(name)) {
      socket.write("-ERR unknown command 'HELLO'\r\n");
    } else {
      socket.write('+OK\r\n');
    }
  }
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const list = (...texts: string[]): string => `*${texts.length}\r\n${texts.map(bulk).join('')}`;

/** Small commands arrive whole. */
function commandsOf(data: string): string[][] {
  const lines = data.split('\r\n');
  const commands: string[][] = [];
  for (let at = 0; lines[at]?.startsWith('*'); ) {
    const count = Number(lines[at]?.slice(1));
    commands.push(Array.from({ length: count }, (_, n) => lines[at + 2 + n * 2] ?? ''));
    at += 1 + count * 2;
  }
  return commands;
}
