import { z } from 'zod';
import type { Chosen } from '../blocking/bulk-run.js';
import { InvalidInput } from '../errors.js';
import { optionalText, severalOf } from './page.js';

/** Items of a cluster that are shown, and so done, at a time. */
export const SHOWN = 500;

const picked = z
  .string()
  .regex(/^[1-9]\d{0,14}@(\d{4}-[\d-]+T[\d:.]+Z)?$/, 'is no item of the list');

/** What the forms of a cluster hold: the ticked items, each with the failure that was shown, and how. */
export const wishFields = {
  pick: severalOf(picked),
  canary: z.coerce.number().int().min(0).max(SHOWN).catch(0),
  reason: optionalText(1_000),
  title: z.string().max(300).catch(''),
};

/** @throws InvalidInput when nothing was ticked */
export function chosenOf(pick: readonly string[]): Chosen[] {
  if (pick.length === 0)
    throw new InvalidInput([{ pointer: '', detail: 'tick at least one item' }]);
  return pick.map((one) => {
    const [id, at] = one.split('@');
    return { queueId: Number(id), errorAt: at || null };
  });
}
