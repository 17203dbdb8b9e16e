import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BadJson } from '../../src/errors.js';
import { parseStrictJson } from '../../src/json/strict-json.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function refusal(raw: Uint8Array): { pointer: string; detail: string } {
  try {
    parseStrictJson(raw);
  } catch (error) {
    if (error instanceof BadJson && error.errors[0]) return error.errors[0];
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a body that cannot be kept as it is gets refused, and told where', () => {
  test.each([
    ['nothing', '', '', /empty/],
    ['blanks', ' \n\t', '', /empty/],
    ['a byte order mark', '\ufeff{}', '', /byte order mark/],
    [
      'a missing end',
      '{"a":[1,2',
      '/a/1',
      /line 1, column 10: expected "," or "\]", found the end/,
    ],
    ['a second value', '{} {}', '', /line 1, column 4: expected the end/],
    ['a trailing comma in an array', '[1,\n 2,\n]', '/2', /line 3, column 1: expected a value/],
    ['a trailing comma in an object', '{"a":1,}', '', /column 8: expected a key/],
    ['a key without quotes', '{a:1}', '', /column 2: expected a key/],
    ['single quotes', "['a']", '/0', /expected a value, found "'"/],
    ['a comment', '[1 // one\n]', '/0', /expected "," or "\]", found "\/"/],
    ['a missing colon', '{"a" 1}', '/a', /expected ":"/],
    ['NaN', '[NaN]', '/0', /expected a value, found "N"/],
    ['a leading zero', '[01]', '/0', /column 3/],
    ['a leading plus', '[+1]', '/0', /expected a value/],
    ['a bare minus', '[-]', '/0', /expected a number/],
    ['a bare fraction', '[.5]', '/0', /expected a value/],
    ['a missing fraction', '[1.]', '/0', /expected "," or "\]", found "\."/],
    ['a line break in a string', '["a\nb"]', '/0', /the end of the string/],
    ['an unknown escape', '["\\x41"]', '/0', /column 4: expected a known escape, found "x"/],
    ['a short unicode escape', '["\\u12G4"]', '/0', /four hexadecimal digits/],
    ['a string without end', '["a', '/0', /the end of the string, found the end/],
    ['an escape without end', '["a\\', '/0', /a known escape, found the end/],
    ['a key twice', '{"a":{"sku":1,"sku":2}}', '/a/sku', /twice/],
    ['a key twice, once escaped', '{"sku":1,"\\u0073ku":2}', '/sku', /twice/],
    ['an empty key twice', '{"":1,"":2}', '/', /twice/],
    ['a key to be escaped in the pointer', '{"a/b~c":{"x":1,"x":2}}', '/a~1b~0c/x', /twice/],
    ['__proto__', '{"data":{"__proto__":{}}}', '/data/__proto__', /not allowed/],
    ['__proto__, escaped', '{"\\u005f_proto__":1}', '/__proto__', /not allowed/],
    ['a number beyond doubles', '{"price":1e400}', '/price', /send it as a string/],
    ['a number too small', '[1e-400]', '/0', /send it as a string/],
    ['an integer over 2^53', '{"id":9007199254740993}', '/id', /send it as a string/],
    ['an even integer over 2^53', '[9007199254740994]', '/0', /send it as a string/],
    ['a long integer', '[12345678901234567890]', '/0', /send it as a string/],
    ['too many digits', '[1,0.12345678901234567890]', '/1', /send it as a string/],
    ['digits beyond the 17th', '[1.00000000000000000001]', '/0', /send it as a string/],
    ['a high surrogate alone', '["\\ud83d"]', '/0', /half a character/],
    ['a high surrogate before a letter', '["\\ud83da"]', '/0', /half a character/],
    ['two high surrogates', '["\\ud83d\\ud83d"]', '/0', /half a character/],
    ['a low surrogate alone', '["\\ude00"]', '/0', /half a character/],
    ['half a character in a key', '{"\\ude00":1}', '', /half a character/],
    ['a NUL character', '{"title":"a\\u0000b"}', '/title', /NUL/],
  ])('%s', (_, text, pointer, detail) => {
    expect(refusal(bytes(text))).toEqual({ pointer, detail: expect.stringMatching(detail) });
  });

  test('invalid UTF-8', () => {
    const raw = Uint8Array.from([0x22, 0xc3, 0x28, 0x22]);
    expect(refusal(raw)).toEqual({ pointer: '', detail: 'the body is not valid UTF-8' });
  });

  test('half a character as raw bytes', () => {
    const raw = Uint8Array.from([0x22, 0xed, 0xa0, 0xbd, 0x22]);
    expect(refusal(raw).detail).toMatch(/UTF-8/);
  });
});

describe('depth', () => {
  const nested = (depth: number) => bytes('['.repeat(depth) + ']'.repeat(depth));

  test('32 levels are taken', () => {
    expect(() => parseStrictJson(nested(32))).not.toThrow();
  });

  test('33 levels are refused', () => {
    expect(refusal(nested(33)).detail).toMatch(/deeper than 32/);
  });

  test('100,000 levels neither crash it nor keep it busy', () => {
    expect(refusal(nested(100_000)).detail).toMatch(/deeper than 32/);
    const open = '{"a":'.repeat(100_000);
    expect(refusal(bytes(open)).detail).toMatch(/deeper than 32/);
    expect(() => parseStrictJson(nested(100_000), { maxDepth: 200_000 })).not.toThrow();
  });
});

describe('what is fine passes unchanged', () => {
  test.each([
    ['0'],
    ['-0'],
    ['"\\ud83d\\ude00 😀 \\u00e9 \\/ \\b\\f\\n\\r\\t\\"\\\\"'],
    ['1.10'],
    ['19.99'],
    ['1E3'],
    ['1e21'],
    ['5e-324'],
    ['0.1e1'],
    ['0e999'],
    ['0.30000000000000004'],
    ['9007199254740991'],
    ['-9007199254740991'],
    ['1.7976931348623157e308'],
    ['123456.7890000000000000000000'],
    [' [ ] '],
    ['{}'],
    ['{"a":{},"b":[[],{}],"constructor":1,"":2}'],
    ['{"x":{"sku":1},"y":{"sku":1}}'],
    ['[true,false,null]'],
  ])('%s', (text) => {
    expect(parseStrictJson(bytes(text))).toEqual(JSON.parse(text));
  });

  test('whatever JSON.stringify writes is read as JSON.parse reads it', () => {
    const faithful = fc.json({ maxDepth: 8, stringUnit: 'grapheme' }).filter((text) => {
      return !/__proto__|\\u0000/.test(text) && !hasUnsafeInteger(JSON.parse(text));
    });
    fc.assert(
      fc.property(faithful, (text) => {
        expect(parseStrictJson(bytes(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('what JSON.parse refuses is refused, and what is taken means the same', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"b"',
      '\\',
      '\\u00',
      '0',
      '1',
      '-',
      '.',
      'e',
    ];
    const soup = fc
      .array(fc.constantFrom(...pieces, 'true', 'null', ' ', '\n', '\t', '\u0001'), {
        maxLength: 14,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, damagedJson()), (text) => {
        const strict = attempt(() => parseStrictJson(bytes(text)));
        if (strict.refused) return;
        expect(strict.value).toEqual(JSON.parse(text));
      }),
      { numRuns: 10_000 },
    );
  });

  test('nothing but what the table names is refused', () => {
    const named = /twice|nested deeper|send it as a string|__proto__|NUL|half a character|empty/;
    fc.assert(
      fc.property(damagedJson(), (text) => {
        const refused = attempt(() => parseStrictJson(bytes(text))).refused;
        if (!refused || named.test(refused)) return;
        expect(() => JSON.parse(text)).toThrow(SyntaxError);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('10 MiB take well below a second of the processor', () => {
  const items = Array.from({ length: 60_000 }, (_, i) => ({
    instruction: 'update_variant',
    data: { sku: `TSH-${i}`, price: 19.99 + i, note: 'a "quoted" é line\nand the next' },
  }));
  const long = { text: 'x'.repeat(4_000_000), escaped: '\n'.repeat(500_000) };
  const raw = bytes(JSON.stringify([items, long]));
  const before = process.cpuUsage();
  parseStrictJson(raw);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(3_000);
});

function attempt(work: () => unknown): { value?: unknown; refused?: string } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof BadJson) return { refused: error.message };
    throw error;
  }
}

/** JSON with one character taken out, doubled or replaced. */
function damagedJson(): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom('', '"', ',', '}', '0', '\\', 'e', ' '),
    )
    .map(([text, n, piece]) => {
      const at = n % (text.length + 1);
      return text.slice(0, at) + piece + text.slice(at + 1);
    })
    .filter((text) => !/\p{Surrogate}/u.test(text));
}

function hasUnsafeInteger(value: unknown): boolean {
  if (typeof value === 'number')
    return /^-?\d+$/.test(String(value)) && !Number.isSafeInteger(value);
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some(hasUnsafeInteger);
}
