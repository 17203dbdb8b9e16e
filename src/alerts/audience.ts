import type { Recipient } from '../config/alerts-schema.js';
import { type Incident, type Scope, scopesOf, typesOf } from '../incidents/incident.js';
import { type Routing, routeTo } from '../incidents/routing.js';

/** What one recipient may know of an incident: nothing of what others are routed. */
export interface Hearer {
  readonly recipient: Recipient;
  /** Only these failures are his. */
  readonly scopes: Scope[];
  /** Notifications that he gets it by, for the footer of the mail. */
  readonly types: Set<string>;
  /** He is told because it stands for long, not because he is routed it. */
  readonly escalated: boolean;
  total: number;
  open: number;
}

/** Everybody who is to hear of an incident, by address. */
export function audienceOf(incident: Incident, routing: Routing): Map<string, Hearer> {
  const audience = new Map<string, Hearer>();
  for (const scope of scopesOf(incident)) {
    const types = typesOf(scope);
    for (const told of routeTo(routing, types, scope).told) {
      add(
        audience,
        told,
        scope,
        told.because.map((one) => one.type),
        false,
      );
    }
    for (const recipient of secondList(incident, routing, scope.client)) {
      if (audience.get(recipient.address)?.scopes.includes(scope)) continue;
      add(audience, recipient, scope, types, true);
    }
  }
  return audience;
}

/** Those who are told of a client's failures once its incident has been escalated. */
function secondList(
  incident: Incident,
  routing: Routing,
  client: string | null,
): readonly Recipient[] {
  if (!incident.escalated.includes(client)) return [];
  return routing.lists.find((list) => list.client === client)?.escalation?.recipients ?? [];
}

function add(
  audience: Map<string, Hearer>,
  recipient: Recipient,
  scope: Scope,
  types: readonly string[],
  escalated: boolean,
): void {
  let hearer = audience.get(recipient.address);
  if (!hearer) {
    const { address, name, quiet } = recipient;
    hearer = {
      recipient: { address, name, quiet },
      scopes: [],
      types: new Set(),
      escalated,
      total: 0,
      open: 0,
    };
    audience.set(recipient.address, hearer);
  }
  hearer.scopes.push(scope);
  hearer.total += scope.total;
  hearer.open += scope.open;
  for (const type of types) hearer.types.add(type);
}
