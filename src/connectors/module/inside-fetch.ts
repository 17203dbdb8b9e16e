import type { ModuleRequest } from './author.js';
import { retry, unknown } from './outcomes.js';

/** Failures of a connection that was never made: nothing can have been carried out. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Node's fetch for modules: ended by `signal`, redirects handed back as they are, and a network that
 * does not answer turned into the outcome that is right for it.
 */
export async function moduleFetch(
  url: string | URL,
  { reads, ...init }: ModuleRequest,
  signal: AbortSignal,
): Promise<Response> {
  const both = init.signal ? AbortSignal.any([signal, init.signal]) : signal;
  try {
    return await fetch(url, { redirect: 'manual', ...init, signal: both });
  } catch (error) {
    if (both.aborted) throw error;
    const code = codeOf(error);
    // A URL or header that cannot be is a mistake in the module.
    if (!code) throw error;
    const where = new URL(url).host;
    const harmless = reads ?? /^(get|head|options)$/i.test(init.method ?? 'GET');
    if (NOT_SENT.has(code)) throw retry(`cannot connect to ${where} (${code})`);
    if (harmless) throw retry(`${where} ended the connection without an answer (${code})`);
    throw unknown(`${where} ended the connection without an answer (${code})`);
  }
}

function codeOf(error: unknown): string | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = (at as NodeJS.ErrnoException).code;
    if (typeof code === 'string' && code !== 'ERR_INVALID_URL') return code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return null;
}
