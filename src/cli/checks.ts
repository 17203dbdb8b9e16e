import { InvalidArgumentError } from 'commander';
import type { RateLimit, RetrySettings } from '../client/shapes.js';
import { parseEntity } from '../instructions/entity.js';

/** What is wrong with an argument is said before anything is sent. Each throws `InvalidArgumentError`. */

export function queueId(text: string): number {
  const id = Number(text);
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(id))
    throw new InvalidArgumentError('A queue id is a whole number such as 1042.');
  return id;
}

/** For arguments that may be given several times. */
export const queueIds = (text: string, before: number[] = []): number[] => [
  ...before,
  queueId(text),
];

export function id(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text))
    throw new InvalidArgumentError('An id has 1 to 64 letters, digits, "_" or "-".');
  return text;
}

/** A length of time, as 60. */
export function seconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Must be a whole number of seconds.');
  return Number(text);
}

export const ids = (text: string, before: string[] = []): string[] => [...before, id(text)];

export function queueName(text: string): string {
  if (!/^((channel|source)\.[A-Za-z0-9_-]{1,64}|parallel)$/.test(text))
    throw new InvalidArgumentError('A queue is channel.ID, source.ID or parallel.');
  return text;
}

export function instruction(text: string): string {
  if (!/^[a-z][a-z_]{0,63}$/.test(text))
    throw new InvalidArgumentError('An instruction is a name such as add_product.');
  return text;
}

export function entity(text: string): string {
  if (!parseEntity(text))
    throw new InvalidArgumentError('An entity is kind:key, such as sku:TSH-RED-M or order:1001.');
  return text;
}

export function count(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new InvalidArgumentError('Must be a whole number from 1.');
  return Number(text);
}

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `2h` or a time; the API is told the time. */
export function since(text: string): string {
  const span = /^(\d{1,6})([smhd])$/.exec(text);
  const at = span
    ? Date.now() - Number(span[1]) * units[span[2] as keyof typeof units]
    : Date.parse(text);
  if (Number.isNaN(at))
    throw new InvalidArgumentError(
      'Must be a span such as 30m, 2h, 7d, or a time such as 2026-11-21T08:00Z.',
    );
  return new Date(at).toISOString();
}

export function header(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('A header is name: value.');
  return { ...before, [name]: value };
}

export function yesOrNo(text: string): boolean {
  if (!/^(yes|no)$/.test(text)) throw new InvalidArgumentError('Must be yes or no.');
  return text === 'yes';
}

/** `100/minute`; `none` takes the limit away. */
export function rateLimit(text: string): RateLimit | 'none' {
  if (text.trim() === 'none') return 'none';
  const [, max, per] = /^([1-9]\d{0,4})\/(second|minute|hour|day)$/.exec(text.trim()) ?? [];
  if (!per)
    throw new InvalidArgumentError('Must be as 100/minute (second, minute, hour or day), or none.');
  return { max: Number(max), per: per as RateLimit['per'] };
}

/** `attempts=3,firstDelayMs=5000`: any of the three, in any order. */
export function retry(text: string): RetrySettings {
  const settings = text.split(',').map((each) => {
    const [, name, value] =
      /^(attempts|firstDelayMs|maxDelayMs)=(\d{1,8})$/.exec(each.trim()) ?? [];
    if (!name)
      throw new InvalidArgumentError('Must be as attempts=3,firstDelayMs=5000,maxDelayMs=60000.');
    return [name, Number(value)];
  });
  return Object.fromEntries(settings);
}
