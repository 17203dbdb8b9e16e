import { expect, test } from '@jest/globals';
import { assign, readAssignment } from '../../../src/cli/paths.js';
import type { JsonObject } from '../../../src/json.js';

const product = (): JsonObject => ({
  sku: 'A',
  title: 'Old',
  barcode: '123',
  variants: [{ price: 10 }, { price: 20 }],
});
const set = (...given: string[]) => assign(product(), given.map(readAssignment));

test('a field is set and the others stay', () => {
  expect(set('title=Ocean Blue Shirt')).toEqual({ ...product(), title: 'Ocean Blue Shirt' });
});

test('a path reaches into lists and objects', () => {
  expect(set('variants.1.price=49.5')['variants']).toEqual([{ price: 10 }, { price: 49.5 }]);
});

test('what is missing on the way is made', () => {
  expect(set('seo.title=x', 'images.0.src=http://i', 'variants.2.price=3')).toMatchObject({
    seo: { title: 'x' },
    images: [{ src: 'http://i' }],
    variants: [{}, {}, { price: 3 }],
  });
});

test('a text stays a text, even of digits; := says otherwise', () => {
  expect(set('barcode=456')['barcode']).toBe('456');
  expect(set('barcode:=456')['barcode']).toBe(456);
  expect(set('tags:=["a","b"]')['tags']).toEqual(['a', 'b']);
});

test('a new field is JSON where it reads as JSON, else text', () => {
  expect(set('a=true', 'b=1.50', 'c=007', 'd=12345678901234567890', 'e=a=b', 'f=')).toMatchObject({
    a: true,
    b: 1.5,
    c: '007',
    d: '12345678901234567890',
    e: 'a=b',
    f: '',
  });
});

test('a dot within a name is written with a backslash', () => {
  expect(set('a\\.b=x')).toHaveProperty(['a.b'], 'x');
});

test('the data given is left as it is', () => {
  const before = product();
  assign(before, [readAssignment('variants.0.price=1')]);
  expect(before).toEqual(product());
});

test.each([
  ['title', /must be name=value/],
  ['=x', /must be name=value/],
  ['a..b=x', /is not a name or a path/],
  ['__proto__.polluted=x', /is not a name or a path/],
  ['title.x=1', /title is a text, with nothing within/],
  ['variants.9.price=1', /the list has places 0 to 2, not 9/],
  ['variants.first=1', /the list has places 0 to 2/],
  ['tags:=[', /is not JSON/],
])('%s is refused', (given, message) => {
  expect(() => set(given)).toThrow(message);
});
