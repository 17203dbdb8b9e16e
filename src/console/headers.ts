import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * Nothing runs but our own script, nothing styles but our own sheet, and no other site may frame us.
 * @param referrer what a page tells of its address: to our own pages, or to nobody when it holds a token
 */
export const pageHeaders = (referrer: 'same-origin' | 'no-referrer'): RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'"],
        'connect-src': ["'self'"],
        'form-action': ["'self'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    referrerPolicy: { policy: referrer },
    // Other hosts of that domain are not ours to decide about.
    strictTransportSecurity: { includeSubDomains: false },
    xFrameOptions: { action: 'deny' },
  });
