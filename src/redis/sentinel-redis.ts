import { Redis, type RedisOptions } from 'ioredis';

/** So long after an end that nobody asked for, in milliseconds. */
const AGAIN_MS = 50;

/**
 * A connection to the master that the Sentinels name, until it is closed. When one of them tells of a
 * failover while another is being asked who is master, ioredis 6.0.0 takes that for its own closing: the
 * connection ends for good, and what works over it stands still although Redis is well.
 */
export class SentinelRedis extends Redis {
  private closed = false;

  constructor(options: RedisOptions) {
    super({ ...options, replyMapping: 'legacy' });
    this.on('end', () => {
      setTimeout(() => this.again(), AGAIN_MS).unref();
    });
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.closed = true;
    super.disconnect(reconnect);
  }

  private again(): void {
    // Why it fails is told by the event `error`, and there is another end.
    if (!this.closed && this.status === 'end') this.connect().catch(() => {});
  }
}
