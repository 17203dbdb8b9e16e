import type { MailServer } from '../config/mail-server.js';
import { InvalidInput } from '../errors.js';
import type { Log } from '../log.js';
import type { AnyConnectorType } from './connector.js';
import { demoType } from './demo/demo.js';
import { emailType } from './email/email.js';
import { PostOffice } from './email/post-office.js';
import { Exchange } from './exchange.js';
import { httpType } from './http.js';
import { moduleType } from './module/module.js';
import { defaultLimits, type ModuleLimits } from './module/settings.js';
import { ModuleThreads } from './module/threads.js';
import { NetworkGuard } from './network.js';
import { noWebhooks, type WebhookBook, webhookType } from './webhook.js';

/** Every type of connector there is, by the name that stands in an endpoint's `connector.type`. */
export class ConnectorTypes {
  readonly types: ReadonlyMap<string, AnyConnectorType>;
  private readonly exchange: Exchange;
  private readonly threads: ModuleThreads;
  private readonly office: PostOffice | null;

  /** @param networks private networks that connectors may reach, as CIDRs. */
  constructor(
    networks: readonly string[],
    {
      modules = defaultLimits,
      log = noLog,
      more = [],
      mail = null,
      webhooks = () => noWebhooks,
    }: TypeOptions,
  ) {
    this.threads = new ModuleThreads(modules, log);
    this.exchange = new Exchange(new NetworkGuard(networks));
    this.office = mail && new PostOffice(mail);
    const types: AnyConnectorType[] = [
      httpType(this.exchange),
      demoType(this.exchange),
      moduleType(this.threads),
      emailType(this.office),
      webhookType(this.exchange, webhooks),
      ...more,
    ];
    this.types = new Map(types.map((type) => [type.type, type]));
  }

  /** What URLs are judged by before they are stored. */
  get guard(): NetworkGuard {
    return this.exchange.guard;
  }

  /** @throws InvalidInput when there is no such type. */
  get(type: string): AnyConnectorType {
    const found = this.types.get(type);
    if (found) return found;
    const known = [...this.types.keys()].join(', ');
    const detail = `there is no connector type ${JSON.stringify(type)}; known are: ${known}`;
    throw new InvalidInput([{ pointer: '/connector/type', detail }]);
  }

  /** Ends what is kept alive for all connectors: connections, threads of modules. */
  async close(): Promise<void> {
    this.exchange.close();
    this.office?.close();
    await this.threads.stop();
  }
}

export interface TypeOptions {
  readonly modules?: ModuleLimits;
  /** Types besides the built-in ones. */
  readonly more?: readonly AnyConnectorType[];
  /** Null: no mail server is set. */
  readonly mail?: MailServer | null;
  /** Where webhooks are registered; asked when a webhook is to be sent. */
  readonly webhooks?: () => WebhookBook;
  /** Where modules' own lines and stacks go. */
  readonly log?: Log;
}

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export const connectorTypes = (
  networks: readonly string[],
  options: TypeOptions = {},
): ConnectorTypes => new ConnectorTypes(networks, options);
