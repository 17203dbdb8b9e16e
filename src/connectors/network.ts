import { promises as dns, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Finds the addresses of a name; `dns.promises.lookup` unless a test brings its own. */
export type Resolve = (host: string, options: LookupOptions) => Promise<readonly LookupAddress[]>;

/** A connector was about to reach an address that it may not reach. */
export class AddressRefused extends Error {
  readonly address: string;
  constructor(address: string, host: string, kind: string) {
    const where = host === address ? `${address} is ${kind}` : `${host} is at ${address}, ${kind}`;
    super(
      `${where} address, which connectors may not reach; ` +
        'to allow it, add its network to ANDON_CONNECTOR_NETWORKS',
    );
    this.name = 'AddressRefused';
    this.address = address;
  }
}

/**
 * Decides which addresses connectors may reach: those of the public internet, and the networks
 * that the operator allowed. URLs are written by tenants; without this, one that names a cloud's
 * metadata service or the Redis next door would be fetched for them.
 */
export class NetworkGuard {
  private readonly allowed: readonly [Address, number][];
  private readonly resolve: Resolve;

  constructor(
    networks: readonly string[],
    resolve: Resolve = (host, options) => dns.lookup(host, { ...options, all: true }),
  ) {
    this.allowed = networks.map((network) => ipaddr.parseCIDR(network));
    this.resolve = resolve;
  }

  /**
   * Why the host of a URL may not be reached, if it is written as an address; null for names.
   * Node looks up names only, so `lookup` never sees these.
   */
  refusal(host: string): AddressRefused | null {
    const literal = host.replace(/^\[(.*)\]$/, '$1');
    return isIP(literal) ? this.judge(literal, literal) : null;
  }

  /**
   * The `lookup` of sockets. The socket connects to what this answers and asks nobody again,
   * so a name that points elsewhere a moment later (DNS rebinding) gains nothing.
   */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.permitted(host, options).then(
      ([first, ...rest]) => {
        if (options.all) callback(null, [first, ...rest]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

  private async permitted(
    host: string,
    { family, hints }: LookupOptions,
  ): Promise<[LookupAddress, ...LookupAddress[]]> {
    const addresses = await this.resolve(host, { family, hints });
    const [first, ...rest] = addresses.filter(({ address }) => !this.judge(address, host));
    if (first) return [first, ...rest];
    const refused = addresses[0] && this.judge(addresses[0].address, host);
    throw refused ?? Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
  }

  private judge(text: string, host: string): AddressRefused | null {
    if (!ipaddr.isValid(text)) return new AddressRefused(text, host, 'an unknown kind of');
    const address = ipaddr.parse(text);
    const inner = embedded(address);
    if (this.isAllowed(address) || (inner && this.isAllowed(inner))) return null;
    return isPublic(inner ?? address)
      ? null
      : new AddressRefused(text, host, kindOf(inner ?? address));
  }

  private isAllowed(address: Address): boolean {
    return this.allowed.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  }
}

/** The IPv4 address that an IPv6 address stands for: mapped, translated, NAT64 or 6to4. */
function embedded(address: Address): ipaddr.IPv4 | null {
  if (!(address instanceof ipaddr.IPv6)) return null;
  const bytes = address.toByteArray();
  switch (address.range()) {
    case 'ipv4Mapped':
    case 'rfc6145':
      return new ipaddr.IPv4(bytes.slice(12));
    case 'rfc6052':
      // Only 64:ff9b::/96 reads alike everywhere; 64:ff9b:1::/48 is each network's own and refused.
      return address.parts[2] === 0 ? new ipaddr.IPv4(bytes.slice(12)) : null;
    case '6to4':
      return new ipaddr.IPv4(bytes.slice(2, 6));
    default:
      return null;
  }
}

/** IPv6 is handed out from 2000::/3 only, so `::7f00:1` (an IPv4 address of old) is not public either. */
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return !(address instanceof ipaddr.IPv6) || (address.toByteArray()[0] ?? 0) >> 5 === 1;
}

const kinds: Readonly<Record<string, string>> = {
  loopback: 'a loopback',
  private: 'a private',
  uniqueLocal: 'a private',
  linkLocal: 'a link-local',
  carrierGradeNat: "a provider's internal",
  multicast: 'a multicast',
  broadcast: 'a broadcast',
  unspecified: 'an unspecified',
};
const kindOf = (address: Address): string => kinds[address.range()] ?? 'a reserved';
