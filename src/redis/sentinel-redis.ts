import {
  Redis,
  type RedisOptions,
  type SentinelConnectionOptions,
  SentinelConnector,
} from 'ioredis';

/** So long after an end that nobody asked for, in milliseconds. */
const AGAIN_MS = 50;

/**
 * A connection to the master that the Sentinels name, until it is closed. When one of them tells of a
 * failover while another is being asked who is master, ioredis 6.0.0 takes that for its own closing: the
 * connection ends for good, and what works over it stands still although Redis is well.
 *
 * The event `sentinelError` tells of a Sentinel that is away.
 */
export class SentinelRedis extends Redis {
  private closed = false;

  constructor(options: RedisOptions) {
    const tell: Tell = (error) => this.emit('sentinelError', error);
    super({ ...options, replyMapping: 'legacy', Connector: connectorThatTells(tell) });
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

type Tell = (error: Error) => void;

/**
 * ioredis 6.0.0 listens to the errors of a Sentinel that it asks who is master, and not of those that it
 * waits at for a failover: each failed try to one that is away is then printed beside the log. Nor does it wait for
 * what it sends when one of those is back, to listen there again: a failover told in that moment cuts that short, and
 * it becomes a rejection that nobody handles.
 */
function connectorThatTells(tell: Tell): NonNullable<RedisOptions['Connector']> {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as SentinelConnectionOptions);
      // A private method, so no `override`; if it ever had another name, this throws.
      const open: (...asked: unknown[]) => Redis = Reflect.get(this, 'connectToSentinel').bind(
        this,
      );
      const listening = (...asked: unknown[]) => minded(open(...asked).on('error', tell));
      Object.defineProperty(this, 'connectToSentinel', { value: listening });
    }
  };
}

/** Whoever waits for a subscription hears of its end; where nobody does, the next connection makes it anew. */
function minded(sentinel: Redis): Redis {
  const value = (...channels: string[]) => {
    const subscribed = Redis.prototype.subscribe.call(sentinel, ...channels);
    subscribed.catch(() => {});
    return subscribed;
  };
  return Object.defineProperty(sentinel, 'subscribe', { value });
}
