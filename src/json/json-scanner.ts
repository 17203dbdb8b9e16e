import { BadJson } from '../errors.js';
import { survives } from './exact-number.js';

/** An object or array that has not ended yet. */
interface Open {
  /** Keys so far; null for an array. */
  readonly keys: Set<string> | null;
  /** The key whose value is being read. */
  key: string | null;
  index: number;
}

const BLANKS = /[ \t\n\r]*/y;
/** All but control characters, the quote and the backslash. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const HEX = /[0-9a-fA-F]{4}/y;
const SIMPLE_ESCAPES = '"\\/bfnrt';

/** More keys in one object, or values in one text, cost more to look through than they can be worth. */
const MOST_KEYS = 10_000;
const MOST_VALUES = 500_000;

/**
 * Reads a JSON text once, front to back, with a stack of its own: the time grows with the length
 * only, and no nesting is too deep for it.
 */
export class JsonScanner {
  private readonly text: string;
  private readonly maxDepth: number;
  private readonly open: Open[] = [];
  private at = 0;
  private values = 0;

  constructor(text: string, maxDepth: number) {
    this.text = text;
    this.maxDepth = maxDepth;
  }

  /** @throws BadJson for the first thing that is wrong */
  check(): void {
    this.blanks();
    while (this.valueBegins() || this.valueEnds()) this.blanks();
    if (this.at < this.text.length) this.unexpected('the end');
  }

  /** Reads a scalar, or the opening of an object or array. True when another value must follow. */
  private valueBegins(): boolean {
    this.values++;
    if (this.values > MOST_VALUES) this.fail(`there are more than ${inWords(MOST_VALUES)} values`);
    const char = this.text[this.at];
    if (char === '{' || char === '[') return this.opens(char);
    if (char === '"') this.string();
    else if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) this.number();
    else if (this.match(WORD) === null) this.unexpected('a value');
    return false;
  }

  private opens(bracket: '{' | '['): boolean {
    if (this.open.length === this.maxDepth) {
      this.fail(`objects and arrays are nested deeper than ${this.maxDepth} levels`);
    }
    this.at++;
    const inner: Open = { keys: bracket === '{' ? new Set() : null, key: null, index: 0 };
    this.open.push(inner);
    this.blanks();
    if (this.text[this.at] === (inner.keys ? '}' : ']')) return false; // `valueEnds` closes it
    if (inner.keys) this.key(inner.keys);
    return true;
  }

  /** After a value: closes what ends here, steps over a comma. True when another value follows. */
  private valueEnds(): boolean {
    for (let inner = this.open.at(-1); inner; inner = this.open.at(-1)) {
      this.blanks();
      const close = inner.keys ? '}' : ']';
      const char = this.text[this.at];
      if (char !== close && char !== ',') this.unexpected(`"," or "${close}"`);
      this.at++;
      if (char === ',') {
        inner.index++;
        this.blanks();
        if (inner.keys) this.key(inner.keys);
        return true;
      }
      this.open.pop();
    }
    this.blanks();
    return false;
  }

  private key(known: Set<string>): void {
    const inner = this.open.at(-1);
    if (inner) inner.key = null;
    if (this.text[this.at] !== '"') this.unexpected('a key in double quotes');
    const start = this.at;
    const escaped = this.string();
    const quoted = this.text.slice(start, this.at);
    const key = escaped ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    if (inner) inner.key = key;
    if (key === '__proto__') this.fail('the key "__proto__" is not allowed');
    if (known.has(key)) this.fail('this key is there twice in the same object');
    if (known.size === MOST_KEYS) this.fail(`this object has more than ${inWords(MOST_KEYS)} keys`);
    known.add(key);
    this.blanks();
    if (this.text[this.at] !== ':') this.unexpected('":"');
    this.at++;
    this.blanks();
  }

  /** True when the string holds escapes. */
  private string(): boolean {
    let escaped = false;
    this.at++;
    for (;;) {
      this.match(PLAIN);
      const char = this.text[this.at];
      if (char === '"') break;
      if (char !== '\\') this.unexpected('the end of the string');
      escaped = true;
      this.escape();
    }
    this.at++;
    return escaped;
  }

  private escape(): void {
    const char = this.text[this.at + 1];
    if (char !== 'u') {
      if (char === undefined || !SIMPLE_ESCAPES.includes(char))
        this.unexpected('a known escape', 1);
      this.at += 2;
      return;
    }
    const unit = this.unicodeEscape();
    if (unit === 0) this.fail('NUL characters (\\u0000) are not allowed');
    if (unit < 0xd800 || unit > 0xdfff) return;
    const paired = unit < 0xdc00 && this.text.startsWith('\\u', this.at);
    const second = paired ? this.unicodeEscape() : 0;
    if (second < 0xdc00 || second > 0xdfff)
      this.fail('a string holds half a character (a lone surrogate)');
  }

  private unicodeEscape(): number {
    this.at += 2;
    const digits = this.match(HEX);
    if (digits === null) this.unexpected('four hexadecimal digits');
    return Number.parseInt(digits, 16);
  }

  private number(): void {
    const literal = this.match(NUMBER);
    if (literal === null) this.unexpected('a number', 1);
    if (!survives(literal)) this.fail('this number cannot be kept exactly; send it as a string');
  }

  private blanks(): void {
    this.match(BLANKS);
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found) this.at += found.length;
    return found;
  }

  private unexpected(wanted: string, ahead = 0): never {
    const at = Math.min(this.at + ahead, this.text.length);
    const before = this.text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    const char = String.fromCodePoint(this.text.codePointAt(at) ?? 0);
    const found = at < this.text.length ? JSON.stringify(char) : 'the end of the body';
    this.fail(`not JSON: line ${line}, column ${column}: expected ${wanted}, found ${found}`);
  }

  private fail(detail: string): never {
    throw new BadJson(this.pointer(), detail);
  }

  /** RFC 6901: where the scanner is. */
  private pointer(): string {
    return this.open
      .map(({ keys, key, index }) => (keys ? key : String(index)))
      .filter((step) => step !== null)
      .map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join('');
  }
}

const inWords = (count: number) => count.toLocaleString('en');
