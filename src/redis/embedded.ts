import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { messageOf } from '../errors.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import { findRedisServer, HOW_TO_GET_REDIS } from './binary.js';
import { probe } from './probe.js';
import { bornAt, endProcess } from './process.js';
import { claimRecord, type RedisRecord, readRecord, replaceRecord } from './record.js';
import { RedisServer } from './server.js';

/** How long a recorded Redis may keep silent while its owner lives, in milliseconds. */
const JOIN_MS = 15_000;
/** How often a process that joined looks whether the owner and the Redis still live. */
const WATCH_MS = 500;
/** A free port may be taken before Redis gets it. */
const PORT_TRIES = 3;

export interface EmbeddedRedisOptions {
  /** Holds `redis/` with the data, and `redis.json` with port and password while it runs. */
  readonly dataDir: string;
  readonly log?: Log;
  /** Default: any free one. */
  readonly port?: number;
}

/**
 * A private Redis for one data directory. The first process starts it and owns it: keeps it running
 * and stops it at the end. Later processes join it; when the owner has died, one of them takes over, and
 * when it ended in good order, one of them starts the Redis again, on the same port with the same data.
 */
export class EmbeddedRedis implements Part {
  readonly name = 'redis';
  private readonly directory: string;
  private readonly recordPath: string;
  private readonly port: number | undefined;
  private readonly log: Log | undefined;
  private readonly stopSignal = new AbortController();
  private record: RedisRecord | null = null;
  /** Set when the Redis is a child of this process. */
  private server: RedisServer | null = null;
  private starting: Promise<void> | null = null;
  private stopping: Promise<void> | null = null;
  private watching: Promise<void> = Promise.resolve();
  /** Set when the Redis that was joined is gone for good. */
  private replaced = false;

  constructor({ dataDir, log, port }: EmbeddedRedisOptions) {
    this.directory = join(resolve(dataDir), 'redis');
    this.recordPath = join(resolve(dataDir), 'redis.json');
    this.log = log;
    this.port = port;
  }

  /** Known once started; stays the same when Redis is started again. */
  get url(): string {
    if (!this.record) throw new Error('the private Redis has not been started');
    return `redis://:${this.record.password}@127.0.0.1:${this.record.port}`;
  }

  start(): Promise<void> {
    this.starting ??= this.joinOrStart();
    return this.starting;
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async joinOrStart(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const { signal } = this.stopSignal;
    const deadline = Date.now() + JOIN_MS;
    while (!signal.aborted) {
      const record = await readRecord(this.recordPath);
      const found = record ? await probe(record.port, record.password) : null;
      if (record && found?.is === 'ready') return this.join(running(record, found.pid));
      const late = Date.now() > deadline;
      const nobody = !record
        ? late
        : found?.is === 'absent' && !ownerLives(record) && isGone(record);
      if ((!record || nobody) && (await this.startOwn(nobody))) return;
      if (record && late && found?.is !== 'loading') throw new Error(this.complaint(record));
      await pause(20, signal);
    }
  }

  private complaint(record: RedisRecord): string {
    const [what, pid] = ownerLives(record) ? ['Andon', record.owner] : ['Redis', record.pid];
    return `The Redis named in ${this.recordPath} does not answer, but its ${what} (process ${pid}) still runs: end that first.`;
  }

  private async join(record: RedisRecord): Promise<void> {
    this.record = record;
    this.log?.info({ port: record.port, owner: record.owner }, 'joined the private Redis');
    if (!ownerLives(record)) await this.adopt(record);
    this.watching = this.watch();
  }

  /** False when another process was quicker. `replace` overwrites a record that nobody answers for. */
  private async startOwn(replace: boolean): Promise<boolean> {
    if (!findRedisServer()) throw new Error(HOW_TO_GET_REDIS);
    const port = this.port ?? (await freePort());
    const record = ownedHere({ port, password: randomBytes(24).toString('hex'), pid: 0, born: '' });
    if (replace) await replaceRecord(this.recordPath, record);
    else if (!(await claimRecord(this.recordPath, record))) return false;
    const stands = await readRecord(this.recordPath);
    if (stands?.password !== record.password) return false;
    try {
      await this.launch(record);
    } catch (error) {
      await this.forget(record);
      throw error;
    }
    return true;
  }

  private async launch(first: RedisRecord): Promise<void> {
    for (let tries = 1; ; tries++) {
      const record = tries === 1 ? first : { ...first, port: await freePort() };
      this.server = new RedisServer({
        directory: this.directory,
        port: record.port,
        password: record.password,
        log: this.log,
        onReady: (pid) => this.remember(running(record, pid)),
      });
      try {
        return await this.server.start();
      } catch (error) {
        this.server = null;
        // Only a first start may choose another port: later there are clients who know the old one.
        const final = this.record !== null || this.port !== undefined || tries === PORT_TRIES;
        if (final || this.stopSignal.signal.aborted) throw error;
      }
    }
  }

  private async remember(record: RedisRecord): Promise<void> {
    await replaceRecord(this.recordPath, record);
    this.record = record;
    this.log?.info({ port: record.port, pid: record.pid }, 'the private Redis runs');
  }

  /** Removes the record, unless it is somebody else's by now. */
  private async forget(record: RedisRecord): Promise<void> {
    const stands = await readRecord(this.recordPath);
    if (stands?.password === record.password) await rm(this.recordPath, { force: true });
  }

  private async adopt(record: RedisRecord): Promise<void> {
    await this.remember(ownedHere(record));
    this.log?.warn({ owner: record.owner }, 'took over the private Redis: its owner has died');
  }

  /** For whoever joined: somebody must answer for the Redis, also after its owner was killed. */
  private async watch(): Promise<void> {
    const { signal } = this.stopSignal;
    while (!signal.aborted && !this.server) {
      await pause(WATCH_MS, signal);
      try {
        const record = (await this.standing()) ?? (await this.claimAgain());
        if (!record || signal.aborted) continue;
        if (!ownerLives(record)) await this.adopt(record);
        else if (isOwnedHere(record) && isGone(record)) await this.launch(record);
      } catch (error) {
        this.log?.error({ reason: messageOf(error) }, 'the private Redis cannot be kept running');
      }
    }
  }

  /**
   * The owner removes the record when it has stopped the Redis: then it is ours, at the address that our
   * clients know. Null when another process was quicker.
   */
  private async claimAgain(): Promise<RedisRecord | null> {
    if (!this.record || this.stopSignal.signal.aborted) return null;
    const record = ownedHere({ ...this.record, pid: 0, born: '' });
    if (await claimRecord(this.recordPath, record)) {
      this.log?.warn(
        { owner: this.record.owner },
        'the owner of the private Redis has ended: starting it again',
      );
      return record;
    }
    const stands = await readRecord(this.recordPath);
    if (stands && stands.password !== record.password && !this.replaced) {
      this.replaced = true;
      this.log?.error(
        { owner: stands.owner },
        'the owner of the private Redis has ended and another Andon has started a new one: start this one again',
      );
    }
    return null;
  }

  /** The record as it stands, while it is still that of the Redis we use. */
  private async standing(): Promise<RedisRecord | null> {
    const record = await readRecord(this.recordPath);
    return record?.password === this.record?.password ? record : null;
  }

  private async end(): Promise<void> {
    this.stopSignal.abort();
    await this.server?.stop();
    await this.starting?.catch(() => {}); // told to whoever started it
    await this.watching;
    await this.server?.stop(); // it may have been started meanwhile
    const record = await this.standing();
    if (!record || (ownerLives(record) && !isOwnedHere(record))) return;
    if (!isGone(record)) await endProcess(record.pid);
    // Last, so that nobody starts a second Redis on data that the first is still writing.
    await this.forget(record);
  }
}

const running = (record: RedisRecord, pid: number): RedisRecord => ({
  ...record,
  pid,
  born: bornAt(pid) ?? '',
});

const ownedHere = (record: Omit<RedisRecord, 'owner' | 'ownerBorn'>): RedisRecord => ({
  ...record,
  owner: process.pid,
  ownerBorn: bornAt(process.pid) ?? '',
});

const isGone = (record: RedisRecord) => bornAt(record.pid) !== record.born;

const ownerLives = (record: RedisRecord) => bornAt(record.owner) === record.ownerBorn;

const isOwnedHere = (record: RedisRecord) => record.owner === process.pid && ownerLives(record);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
