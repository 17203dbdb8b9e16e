import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from './redis.js';

const OPENSSL = '/usr/bin/openssl';
export const canMakeCertificates: boolean = existsSync(OPENSSL);

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly otherCa: string;
  /** Of a server at 127.0.0.1, signed by `ca`. */
  readonly server: Pair;
  readonly client: Pair;
}
interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A CA and what it signs, gone when the tests of the file are done. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = await temporaryDirectory();
  const file = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync(OPENSSL, args, { stdio: 'ignore' });
  const authority = (name: string) => {
    const [key, cert] = [file(`${name}.key`), file(`${name}.pem`)];
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`],
    );
    return { cert, key };
  };
  const ca = authority('ca');
  const extensions = file('extensions');
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1\n');
  const signed = (name: string): Pair => {
    const [key, wish, cert] = [file(`${name}.key`), file(`${name}.csr`), file(`${name}.pem`)];
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', key, '-out', wish, '-subj', `/CN=${name}`],
    );
    openssl(
      ...['x509', '-req', '-in', wish, '-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial'],
      ...['-out', cert, '-days', '2', '-extfile', extensions],
    );
    return { cert, key };
  };
  const otherCa = authority('other-ca').cert;
  return { ca: ca.cert, otherCa, server: signed('server'), client: signed('client') };
}
