import type { Request, Response } from 'express';
import { z } from 'zod';
import { readCookie } from '../accounts/cookies.js';

const flashSchema = z.object({
  say: z.string().max(1_000),
  bad: z.boolean(),
  /** Queue id of an item whose skip a button beside the words takes back. */
  undo: z.int().positive().optional(),
});

/** What is said once, on the page after an action. */
export type Flash = z.infer<typeof flashSchema>;

const NAME = 'andon-flash';

/**
 * Kept in a cookie for the one redirect. It is shown as text, and the button asks for what its reader may do
 * anyway, so that nobody gains by forging it.
 */
export function setFlash(request: Request, response: Response, flash: Flash): void {
  const short = { ...flash, say: flash.say.slice(0, 1_000) };
  response.cookie(NAME, Buffer.from(JSON.stringify(short)).toString('base64url'), {
    httpOnly: true,
    sameSite: 'lax',
    secure: request.secure,
    maxAge: 60_000,
  });
}

export function takeFlash(request: Request, response: Response): Flash | null {
  const value = readCookie(request, NAME);
  if (!value) return null;
  response.clearCookie(NAME, { httpOnly: true, sameSite: 'lax', secure: request.secure });
  try {
    return flashSchema.parse(JSON.parse(Buffer.from(value, 'base64url').toString()));
  } catch {
    return null; // not one of ours
  }
}
