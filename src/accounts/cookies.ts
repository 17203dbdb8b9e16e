import type { Request, Response } from 'express';

/** The value of a cookie that the browser sent; empty when there is none. */
export function readCookie(request: Request, name: string): string {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, ...rest] = part.split('=');
    if (key?.trim() === name) return rest.join('=').trim();
  }
  return '';
}

/** Over TLS the name itself makes browsers refuse a cookie that another host or plain http tried to set. */
const nameOf = (request: Request) => (request.secure ? '__Host-andon' : 'andon-session');

export const sessionSecret = (request: Request): string => readCookie(request, nameOf(request));

/** No expiry: it goes with the browser, and in Redis earlier. */
export function setSessionCookie(request: Request, response: Response, secret: string): void {
  response.cookie(nameOf(request), secret, options(request));
}

export function clearSessionCookie(request: Request, response: Response): void {
  response.clearCookie(nameOf(request), options(request));
}

const options = (request: Request) =>
  ({ httpOnly: true, sameSite: 'lax', secure: request.secure, path: '/' }) as const;
