import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from '@jest/globals';
import { AddressRefused, NetworkGuard } from '../../../src/connectors/network.js';

const resolving = (...addresses: string[]) => {
  const asked: string[] = [];
  const resolve = async (host: string): Promise<LookupAddress[]> => {
    asked.push(host);
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { asked, resolve };
};

const lookup = (guard: NetworkGuard, host: string, all: boolean): Promise<unknown> =>
  new Promise((resolve, reject) => {
    guard.lookup(host, { all }, (error, address) => (error ? reject(error) : resolve(address)));
  });

describe('the guard of connector addresses', () => {
  it.each([
    ['loopback', '127.0.0.1'],
    ['loopback elsewhere in its network', '127.8.9.1'],
    ['loopback in IPv6', '::1'],
    ['private 10/8', '10.1.2.3'],
    ['private 172.16/12', '172.31.255.255'],
    ['private 192.168/16', '192.168.1.1'],
    ['the metadata service of clouds', '169.254.169.254'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '0.0.0.0'],
    ['unspecified in IPv6', '::'],
    ['reserved', '240.0.0.1'],
    ['documentation', '203.0.113.7'],
    ['benchmarking', '198.18.0.1'],
    ['unique-local', 'fd00::1'],
    ['link-local in IPv6', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['multicast in IPv6', 'ff02::1'],
    ['not handed out', '4000::1'],
    ['mapped metadata service', '::ffff:169.254.169.254'],
    ['mapped, in hexadecimal', '::ffff:a9fe:a9fe'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['translated', '::ffff:0:10.0.0.1'],
    ['NAT64', '64:ff9b::10.0.0.1'],
    ['local NAT64', '64:ff9b:1::8.8.8.8'],
    ['6to4', '2002:a9fe:a9fe::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['link-local with a zone', 'fe80::1%lo'],
  ])('refuses %s', async (_, address) => {
    const guard = new NetworkGuard([], resolving(address).resolve);
    await expect(lookup(guard, 'shop.example', true)).rejects.toBeInstanceOf(AddressRefused);
    await expect(lookup(guard, 'shop.example', false)).rejects.toBeInstanceOf(AddressRefused);
    expect(guard.refusal(address)).toBeInstanceOf(AddressRefused);
  });

  it.each([
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ])('lets connectors reach the public %s', async (address) => {
    const guard = new NetworkGuard([], resolving(address).resolve);
    await expect(lookup(guard, 'shop.example', false)).resolves.toBe(address);
    expect(guard.refusal(address)).toBeNull();
  });

  it.each(['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1'])(
    'lets connectors reach %s once its network is allowed',
    (address) => {
      const guard = new NetworkGuard(['10.0.0.0/8', 'fd12::/16']);
      expect(guard.refusal(address)).toBeNull();
      expect(guard.refusal('192.168.0.1')).not.toBeNull();
      expect(guard.refusal('fd13::1')).not.toBeNull();
    },
  );

  it.each([
    'http://0x7f.1/',
    'http://2130706433/',
    'http://127.1/',
    'http://0177.0.0.1/',
    'http://127.0.0.1./',
    'http://[::ffff:a9fe:a9fe]/',
    'http://１２７.0.0.1/',
  ])('sees through the spelling of %s', (url) => {
    expect(new NetworkGuard([]).refusal(new URL(url).hostname)).toBeInstanceOf(AddressRefused);
  });

  it('leaves names to the look-up', () => {
    expect(new NetworkGuard([]).refusal('shop.example')).toBeNull();
    expect(new NetworkGuard([]).refusal('localhost')).toBeNull();
  });

  it('says which address was refused, and how to allow it', async () => {
    const guard = new NetworkGuard([], resolving('10.0.0.5').resolve);
    await expect(lookup(guard, 'erp.example', true)).rejects.toThrow(
      'erp.example is at 10.0.0.5, a private address, which connectors may not reach; ' +
        'to allow it, add its network to ANDON_CONNECTOR_NETWORKS',
    );
    expect(guard.refusal('[::1]')?.message).toMatch(
      /^::1 is a loopback address, .*ANDON_CONNECTOR_NETWORKS$/,
    );
  });

  it('hands on only the permitted addresses of a name that has both kinds', async () => {
    const { asked, resolve } = resolving('10.0.0.5', '8.8.8.8', '::1', '1.1.1.1');
    await expect(lookup(new NetworkGuard([], resolve), 'mixed.example', true)).resolves.toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '1.1.1.1', family: 4 },
    ]);
    expect(asked).toEqual(['mixed.example']);
  });

  it('tells a name without an address from a forbidden one', async () => {
    const guard = new NetworkGuard([], resolving().resolve);
    await expect(lookup(guard, 'none.example', true)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('looks names up by itself when nobody brings a resolver', async () => {
    await expect(
      lookup(new NetworkGuard(['127.0.0.0/8', '::1/128']), 'localhost', true),
    ).resolves.toBeTruthy();
    await expect(lookup(new NetworkGuard([]), 'localhost', true)).rejects.toBeInstanceOf(
      AddressRefused,
    );
  });
});
