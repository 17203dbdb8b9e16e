import parse from 'nodemailer/lib/addressparser';
import { z } from 'zod';

/** A mailbox of a mail, its name as people read it. */
export interface MailAddress {
  readonly name: string;
  readonly address: string;
}

/** What may turn a line into two, or show it as another than it is: line ends, controls, writing direction. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Simpler than RFC 5321 allows, and all that people have. */
const mailbox = /^[^\s@<>()[\]\\,;:"]{1,64}@[^\s@<>()[\]\\,;:"]{1,255}$/u;

const one = z.union([
  z.string().trim().min(1).max(1_000),
  z.strictObject({
    address: z.string().trim().min(1).max(320),
    name: z.string().max(200).optional(),
  }),
]);

/** Who gets a mail: `ann@shop.example`, `Ann <ann@shop.example>`, `{address, name?}`, or a list of these. */
export const addressesSchema = z
  .union([one, z.array(one).min(1).max(100)])
  .superRefine((given, context) => {
    const wrong = readAddresses(given).find((each) => 'wrong' in each);
    if (wrong && 'wrong' in wrong) context.addIssue({ code: 'custom', message: wrong.wrong });
  });
export type Addresses = z.infer<typeof addressesSchema>;

/** The mailboxes in data that `addressesSchema` has accepted. */
export function addressesIn(given: Addresses | undefined): MailAddress[] {
  if (given === undefined) return [];
  return readAddresses(given).flatMap((each) => ('wrong' in each ? [] : [each]));
}

function readAddresses(given: Addresses): (MailAddress | { wrong: string })[] {
  return [given].flat().flatMap((each) => {
    const text = typeof each === 'string' ? each : `${each.name ?? ''}${each.address}`;
    if (hidden.test(text)) return [{ wrong: 'must not hold line ends or hidden characters' }];
    // The parts of an object are taken as they are: a name may hold what would part a text.
    if (typeof each !== 'string') return [judged({ name: each.name ?? '', address: each.address })];
    const found = parse(each, { flatten: true });
    return found.length > 0
      ? found.map(judged)
      : [{ wrong: `${JSON.stringify(each)} is no mail address` }];
  });
}

function judged({ name, address }: MailAddress): MailAddress | { wrong: string } {
  if (mailbox.test(address)) return { name, address };
  return {
    wrong: `${JSON.stringify(address || name)} is no mail address such as ann@shop.example`,
  };
}
