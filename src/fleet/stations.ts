import type { Connector } from '../connectors/connector.js';
import {
  type Endpoint,
  type EndpointKind,
  endpointName,
  type Registry,
} from '../queues/registry.js';

/** Makes the connector of an endpoint. @throws InvalidInput when its settings do not fit */
export type Connect = (endpoint: Endpoint, registry: Registry) => Promise<Connector>;

/** An endpoint, and the connector that serves it. */
export interface Station {
  readonly endpoint: Endpoint;
  connector(): Promise<Connector>;
}

/**
 * The endpoints that one run over a queue needs, each looked up once. A run is short (its budget), and
 * an operator's retry starts a new one: what was changed before it is seen by it.
 */
export class Stations {
  private readonly registry: Registry;
  private readonly connect: Connect;
  private readonly found = new Map<string, Promise<Station | null>>();

  constructor(registry: Registry, connect: Connect) {
    this.registry = registry;
    this.connect = connect;
  }

  find(kind: EndpointKind, id: string): Promise<Station | null> {
    const name = endpointName(kind, id);
    const station = this.found.get(name) ?? this.look(kind, id);
    this.found.set(name, station);
    return station;
  }

  private async look(kind: EndpointKind, id: string): Promise<Station | null> {
    const endpoint = await this.registry.get(kind, id);
    if (!endpoint) return null;
    let made: Promise<Connector> | undefined;
    return {
      endpoint,
      connector: () => {
        made ??= this.connect(endpoint, this.registry);
        return made;
      },
    };
  }
}
