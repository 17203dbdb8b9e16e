import { describe, expect, test } from '@jest/globals';
import { farSideOf, fingerprintOf, normalised } from '../../../src/incidents/cause.js';
import { errorTypeOf, notificationTypes } from '../../../src/incidents/types.js';
import { loadCatalogue } from '../../../src/instructions/catalogue.js';

const failure = { cause: 'data', instruction: 'add_order', farSide: 'http erp.example', own: [] };
const print = (message: string, more: Partial<Parameters<typeof fingerprintOf>[0]> = {}) =>
  fingerprintOf({ ...failure, message, ...more });

describe('failures of one cause have one fingerprint', () => {
  test('whatever numbers, ids and quoted values the message names', () => {
    expect(print('order 1001 is closed since 2026-11-20')).toBe(
      print('order 20077 is closed since 2026-01-02'),
    );
    expect(print('no product "TSH-RED-M"')).toBe(print('no product "MUG"'));
    expect(print('trace 5f0c9a52-7d5c-4c3a-9a39-0d5a3f6f7a11')).toBe(
      print('trace 00000000-1111-2222-3333-444444444444'),
    );
  });

  test('whatever of the item itself it names', () => {
    expect(print('Red Shirt has no price', { own: ['Red Shirt'] })).toBe(
      print('Blue Mug has no price', { own: ['Blue Mug'] }),
    );
  });

  test('but not another error, instruction or far side', () => {
    expect(print('no price')).not.toBe(print('no stock'));
    expect(print('no price')).not.toBe(print('no price', { instruction: 'sync_order' }));
    expect(print('no price')).not.toBe(print('no price', { farSide: 'http other.example' }));
  });

  test('a far side that is down is one cause for all that is sent there', () => {
    const down = (message: string, instruction: string, cause = 'connection') =>
      print(message, { instruction, cause });
    expect(down('ECONNREFUSED', 'add_order')).toBe(down('timed out', 'add_product'));
    expect(down('429', 'add_order', 'throttled')).toBe(down('timed out', 'add_product'));
    expect(down('401', 'add_order', 'credentials')).not.toBe(down('timed out', 'add_order'));
  });
});

test('a message without end is cut before it is looked at', () => {
  expect(normalised('x'.repeat(1_000_000))).toHaveLength(200);
});

test('the far side is the host or module behind a connector', () => {
  const of = (connector: { type: string; [setting: string]: unknown }) =>
    farSideOf({ connector }, 'channel.12');
  expect(of({ type: 'http', url: 'https://shops.example/12' })).toBe('http shops.example');
  expect(of({ type: 'module', path: 'erp.js' })).toBe('module erp.js');
  expect(of({ type: 'email' })).toBe('email channel.12');
  expect(farSideOf(null, 'service.hub')).toBe('service.hub');
});

describe('notification types', () => {
  const types = notificationTypes(loadCatalogue());

  test('keep the names that customers know', () => {
    const known = ['queueError', 'addChannelProductError', 'addChannelImageError'];
    known.push('addChannelVariantError', 'addSourceOrderError', 'getSourceProductsError');
    known.push('syncOrderError', 'addSourceOrder', 'getSourceProducts', 'queueOrder');
    expect([...types.keys()]).toEqual(expect.arrayContaining(known));
  });

  test('there is one for every instruction, and each says what it can be narrowed by', () => {
    for (const name of loadCatalogue().names) expect(types.has(errorTypeOf(name))).toBe(true);
    expect(types.get('updateProductError')?.narrowedBy).toEqual(['channel']);
    expect(types.get('syncCustomerError')?.narrowedBy).toEqual(['source']);
    expect(types.get('addSourceOrderError')?.narrowedBy).toEqual(['channel', 'source']);
    expect(types.get('sendWebhookError')?.narrowedBy).toEqual([]);
  });
});
