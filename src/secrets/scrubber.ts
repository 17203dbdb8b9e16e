import type { Json } from '../json.js';

/** Shorter values would black out half a text, and are no secret anyway. */
const LEAST = 4;

/** Takes the values of secrets out of what leaves us: as they are, and as they travel. */
export class Scrubber {
  private readonly forms: readonly string[];

  constructor(secrets: Iterable<string>) {
    const values = [...secrets].flatMap(within).filter((value) => value.length >= LEAST);
    const forms = values.flatMap((value) => [
      value,
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
      JSON.stringify(value).slice(1, -1),
    ]);
    // The longest first, so that no part of a longer one is left standing.
    this.forms = [...new Set(forms)].sort((a, b) => b.length - a.length);
  }

  get isIdle(): boolean {
    return this.forms.length === 0;
  }

  text(text: string): string {
    return this.forms.reduce((clean, form) => clean.replaceAll(form, '[secret]'), text);
  }

  json<T extends Json | undefined>(value: T): T {
    return this.deep(value) as T;
  }

  /** The same for what is no JSON in the type's eyes, such as an outcome; a copy is made only where it must be. */
  deep(value: unknown): unknown {
    if (this.isIdle) return value;
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.deep(one));
    if (typeof value !== 'object' || value === null) return value;
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [this.text(name), this.deep(one)]),
    );
  }
}

/** A secret, and what is secret within it: the token of `Bearer …`, the password of `Basic …`, the bytes of `whsec_…`. */
function within(secret: string): string[] {
  const [, scheme = '', token] = /^(basic|bearer|token|apikey) +(\S+)$/i.exec(secret) ?? [];
  if (token === undefined) {
    const signing = /^whsec_(.+)$/.exec(secret);
    return signing?.[1] ? [secret, signing[1]] : [secret];
  }
  if (scheme.toLowerCase() !== 'basic') return [secret, token];
  const login = Buffer.from(token, 'base64').toString();
  return [secret, token, login, login.slice(login.indexOf(':') + 1)];
}

/** Every text in a value, however deep: what is secret in a connector's secret settings. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
