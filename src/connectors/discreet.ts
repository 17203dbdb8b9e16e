import { messageOf } from '../errors.js';
import { isReference } from '../secrets/references.js';
import { type Scrubber, textsIn } from '../secrets/scrubber.js';
import type { Connector, Delivery, Failure, Outcome, Verdict } from './connector.js';

/**
 * The connector, with its secrets taken out of whatever comes back from it: a far side that repeats a
 * token in its answer must not carry it into items, logs, mails and dashboards.
 */
export function discreet(connector: Connector, scrubber: Scrubber): Connector {
  if (scrubber.isIdle) return connector;
  const { asks, ping, verify } = connector;
  return {
    deliver: async (delivery) =>
      scrubber.deep(
        await clean(connector.deliver(covered(delivery, scrubber)), delivery.signal, scrubber),
      ) as Outcome,
    ...(asks && { asks: (delivery) => scrubber.text(asks.call(connector, delivery)) }),
    ...(ping && { ping: (signal) => clean(ping.call(connector, signal), signal, scrubber) }),
    ...(verify && {
      verify: async (delivery) =>
        scrubber.deep(
          await clean(
            verify.call(connector, covered(delivery, scrubber)),
            delivery.signal,
            scrubber,
          ),
        ) as Verdict,
    }),
  };
}

function covered(delivery: Delivery, scrubber: Scrubber): Delivery {
  return {
    ...delivery,
    log: (line) => delivery.log(scrubber.text(line)),
    progress: (value) => delivery.progress(scrubber.deep(value) as typeof value),
    report: (part) => delivery.report(scrubber.deep(part) as typeof part),
  };
}

/** An error keeps its class unless its words must change. */
async function clean<T>(result: Promise<T>, signal: AbortSignal, scrubber: Scrubber): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (signal.aborted) throw error;
    const message = messageOf(error);
    const scrubbed = scrubber.text(message);
    if (scrubbed === message) throw error;
    throw new Error(scrubbed);
  }
}

/** Headers are all kept secret, but not every one is a secret: a shop's name must not vanish from its answers. */
const telling = /auth|token|key|secret|pass|cookie|session|signature|credential/i;

/**
 * What is secret in settings. @param stored with references as they were written
 * @param resolved with what these name
 */
export function secretTexts(
  { headers = {}, ...stored }: Readonly<Record<string, unknown>>,
  resolved: Readonly<Record<string, unknown>>,
): string[] {
  const named = Object.entries(resolved['headers'] ?? {}).filter(
    ([name]) =>
      telling.test(name) || isReference(String((headers as Record<string, unknown>)[name])),
  );
  const others = Object.keys(stored).map((name) => resolved[name]);
  return [...textsIn(others), ...named.map(([, value]) => String(value))];
}

/** In place of a connector that could not be made for want of its secrets. */
export const unfit = (failure: Failure): Connector => ({
  deliver: async () => ({ kind: 'fail', failure }),
});
