import { InvalidInput } from '../errors.js';
import type { ConnectorType } from './connector.js';
import { demoType } from './demo/demo.js';
import { Exchange } from './exchange.js';
import { httpType } from './http.js';
import { NetworkGuard } from './network.js';

/** Every type of connector there is, by the name that stands in an endpoint's `connector.type`. */
export class ConnectorTypes {
  readonly types: ReadonlyMap<string, ConnectorType>;
  private readonly exchange: Exchange;

  /** @param networks private networks that connectors may reach, as CIDRs. */
  constructor(networks: readonly string[]) {
    this.exchange = new Exchange(new NetworkGuard(networks));
    const types: ConnectorType[] = [httpType(this.exchange), demoType(this.exchange)];
    this.types = new Map(types.map((type) => [type.type, type]));
  }

  /** @throws InvalidInput when there is no such type. */
  get(type: string): ConnectorType {
    const found = this.types.get(type);
    if (found) return found;
    const known = [...this.types.keys()].join(', ');
    const detail = `there is no connector type ${JSON.stringify(type)}; known are: ${known}`;
    throw new InvalidInput([{ pointer: '/connector/type', detail }]);
  }

  /** Ends the connections that are kept alive for all connectors. */
  close(): void {
    this.exchange.close();
  }
}

export const connectorTypes = (networks: readonly string[]): ConnectorTypes =>
  new ConnectorTypes(networks);
