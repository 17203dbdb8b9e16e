import type { Recipient } from '../config/alerts-schema.js';
import type { Stage } from '../incidents/incident.js';

const held: Readonly<Record<'reminders' | 'digests' | 'everything', readonly Stage[]>> = {
  reminders: ['reminder'],
  digests: ['reminder', 'digest'],
  everything: ['first', 'digest', 'reminder', 'escalation', 'recovery'],
};

/** Whether a mail of this stage waits until the recipient's quiet hours are over. */
export function waits(recipient: Recipient, stage: Stage, now: number): boolean {
  const { quiet } = recipient;
  if (!quiet || !held[quiet.holds].includes(stage)) return false;
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: quiet.timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(now);
  // 22:00 to 06:00 goes over midnight.
  return quiet.from <= quiet.to
    ? clock >= quiet.from && clock < quiet.to
    : clock >= quiet.from || clock < quiet.to;
}
