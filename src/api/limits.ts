import type { RequestHandler, Response } from 'express';
import ipaddr from 'ipaddr.js';
import type { RequestLimit, Room } from '../accounts/request-limit.js';

/** How many requests may come with one key, and from one address. */
export interface RequestLimits {
  readonly key: RequestLimit;
  readonly address: RequestLimit;
}

/** Everything that comes from one address counts, whoever sends it and whatever is wrong with it. */
export function byAddress({ address }: RequestLimits): RequestHandler {
  return async (request, _, next) => {
    await address.take(networkOf(request.ip ?? ''));
    next();
  };
}

/** To be called once it is known that the key is genuine: nobody else can use up its requests. */
export async function byKey({ key }: RequestLimits, id: string, response: Response): Promise<void> {
  const room = await key.take(id);
  if (room) tell(response, room);
}

/** The fields of the RateLimit draft (draft-ietf-httpapi-ratelimit-headers). */
export function tell(response: Response, { policy, most, period, left, reset }: Room): void {
  response.set('RateLimit-Policy', `"${policy}";q=${most};w=${period}`);
  response.set('RateLimit', `"${policy}";r=${left};t=${reset}`);
}

/** One customer has a whole /64 of IPv6, and may use another address for each request. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const ip = ipaddr.process(address);
  if (ip.kind() === 'ipv4') return ip.toString();
  const parts = (ip as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${parts.join(':')}::/64`;
}
