import type { Json } from '../../json.js';

/** Shorter values would black out half a text, and are no secret anyway. */
const LEAST = 4;

/** Takes the values of secrets out of what leaves a module: as they are, and as they travel. */
export class Scrubber {
  private readonly forms: readonly string[];

  constructor(secrets: Readonly<Record<string, string>>) {
    const values = Object.values(secrets).filter((value) => value.length >= LEAST);
    const forms = values.flatMap((value) => [
      value,
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
      JSON.stringify(value).slice(1, -1),
    ]);
    // The longest first, so that no part of a longer one is left standing.
    this.forms = [...new Set(forms)].sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    return this.forms.reduce((clean, form) => clean.replaceAll(form, '[secret]'), text);
  }

  json<T extends Json | undefined>(value: T): T {
    return (this.forms.length === 0 ? value : this.deep(value)) as T;
  }

  private deep(value: Json | undefined): Json | undefined {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.deep(one) as Json);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, one]) => [this.text(name), this.deep(one)]);
    return Object.fromEntries(entries);
  }
}
