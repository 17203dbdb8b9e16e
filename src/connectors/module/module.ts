import type { Json } from '../../json.js';
import type {
  Connector,
  ConnectorType,
  Delivery,
  Failure,
  Outcome,
  Verdict,
} from '../connector.js';
import { checked } from '../http-settings.js';
import { toldOf } from '../told.js';
import type { ModuleAnswer, Parcel } from './messages.js';
import { type ModuleSettings, moduleSettingsSchema } from './settings.js';
import type { Call, Lost, Shape } from './thread.js';
import type { ModuleThreads } from './threads.js';

export type ModuleType = ConnectorType<ModuleSettings, Promise<Connector>>;

/** Carries items out by a module of the user, in a thread of its endpoint's own. */
export function moduleType(threads: ModuleThreads): ModuleType {
  const schema = moduleSettingsSchema(threads.limits.directory);
  return {
    type: 'module',
    secrets: ['secrets'],
    parse: (settings) => checked(schema, settings),
    async create(settings, endpoint = settings.path) {
      const thread = await threads.of(endpoint, settings);
      return connectorOf(await thread.loaded, new ModuleConnector(settings, endpoint, threads));
    },
  };
}

/** With `ping` and `verify` only where the module has them: the fleet decides by that. */
const connectorOf = ({ pings, verifies }: Shape, module: ModuleConnector): Connector => ({
  deliver: (delivery) => module.deliver(delivery),
  ...(pings ? { ping: (signal: AbortSignal) => module.ping(signal) } : {}),
  ...(verifies ? { verify: (delivery: Delivery) => module.verify(delivery) } : {}),
});

class ModuleConnector implements Connector {
  private readonly settings: ModuleSettings;
  private readonly endpoint: string;
  private readonly threads: ModuleThreads;

  constructor(settings: ModuleSettings, endpoint: string, threads: ModuleThreads) {
    this.settings = settings;
    this.endpoint = endpoint;
    this.threads = threads;
  }

  /** Settles only when the module has ended, or its thread: nothing of an attempt goes on behind it. */
  async deliver(delivery: Delivery): Promise<Outcome> {
    delivery.signal.throwIfAborted();
    const answer = await this.call({ ...delivery, what: 'run', parcel: parcelOf(delivery) });
    // An abort is not an outcome: whoever aborted knows what follows.
    delivery.signal.throwIfAborted();
    if (answer.kind === 'lost') return ofLost(answer);
    if (answer.kind === 'not-there' || answer.kind === 'pong') throw new Error('not an outcome');
    return answer as Outcome;
  }

  async verify(delivery: Delivery): Promise<Verdict> {
    const answer = await this.call({ ...delivery, what: 'verify', parcel: parcelOf(delivery) });
    delivery.signal.throwIfAborted();
    if (answer.kind === 'already-done') {
      const { result, followUps } = answer as Extract<Outcome, { kind: 'already-done' }>;
      return { kind: 'there', result, ...(followUps?.length ? { followUps } : {}) };
    }
    if (answer.kind === 'not-there') return answer;
    return { kind: 'unknown', failure: failureOf(answer) };
  }

  async ping(signal: AbortSignal): Promise<void> {
    const silent = { log: () => {}, progress: () => {}, report: async () => {} };
    const answer = await this.call({ ...silent, what: 'ping', parcel: null, signal });
    signal.throwIfAborted();
    if (answer.kind !== 'pong') throw new Error(failureOf(answer).message);
  }

  private async call(call: Omit<Call, 'timeoutMs'>): Promise<ModuleAnswer | Lost> {
    const thread = await this.threads.of(this.endpoint, this.settings);
    return thread.call({
      what: call.what,
      parcel: call.parcel,
      signal: call.signal,
      timeoutMs: this.settings.timeoutMs,
      log: (line) => call.log(line),
      progress: (value) => call.progress(value),
      report: (part) => call.report(part),
    });
  }
}

const parcelOf = (delivery: Delivery): Parcel => ({
  ...toldOf(delivery),
  fence: delivery.fence,
  parts: delivery.parts,
});

/** What a module had begun when its thread ended may have been carried out; what it had not, was not. */
const ofLost = ({ began, why }: Lost): Outcome => ({
  kind: began ? 'unknown' : 'retry',
  failure: { message: why, cause: 'bug' },
});

function failureOf(answer: ModuleAnswer | Lost): Failure {
  if (answer.kind === 'lost') return { message: answer.why, cause: 'bug' };
  if ('failure' in answer) return answer.failure;
  return { message: `the module answered ${answer.kind satisfies Json}`, cause: 'bug' };
}
