import type { Config } from '../../config/load.js';
import { PostOffice } from '../../connectors/email/post-office.js';
import { inspectModules } from '../../connectors/module/inspect.js';
import { messageOf } from '../../errors.js';
import { loadCatalogue } from '../../instructions/catalogue.js';
import { unknownBullmqScripts } from '../../redis/script.js';
import { wrongKeys } from '../../start/secret-keys.js';
import { namedModules } from '../check.js';
import { type Finding, fail, judged, ok, warn } from './finding.js';

/** How long a mail server may take to say hello and take the password, in milliseconds. */
const SMTP_MS = 10_000;

/** What can be told without Redis. */
export async function lookAtSettings(config: Config): Promise<Finding[]> {
  const strangers = loadCatalogue().strangers(Object.keys(config.file.retry), 'retry');
  const modules = await inspectModules(config.file.modules, namedModules(config));
  return [
    ...judged('settings', strangers, `${config.configFile} and the environment are valid`),
    node(process.versions.node),
    ...config.warnings.map((says) =>
      warn('environment', says, 'Put its name right, or take it out.'),
    ),
    ...judged('bullmq', unknownBullmqScripts(), 'the version that was tested'),
    ...judged('secret key', wrongKeys(config), whoseKey(config)),
    ...(modules.problems.length + modules.notes.length > 0
      ? judged('modules', modules.problems, modules.notes.join('; '))
      : []),
    publicUrl(config.publicUrl),
    await mailServer(config),
  ];
}

const whoseKey = ({ secretKeys, dataDir }: Config) =>
  secretKeys.length > 0
    ? `ANDON_SECRET_KEY holds ${secretKeys.length === 1 ? 'one' : `${secretKeys.length}, the first seals`}`
    : `made and kept in ${dataDir}/secret-key: back it up with the data`;

export function node(version: string): Finding {
  const [major = 0] = version.split('.').map(Number);
  if (major >= 22) return ok('Node.js', version);
  const todo = 'Upgrade to Node.js 24 when you can.';
  return warn('Node.js', `${version} runs Andon, but gets no security fixes any more`, todo);
}

function publicUrl(url: string | null): Finding {
  if (url === null)
    return warn(
      'public URL',
      'ANDON_PUBLIC_URL is not set, so mails bear no links',
      'Set it to where people reach Andon with a browser.',
    );
  const { protocol, hostname } = new URL(url);
  const local = hostname === 'localhost' || /^127\.|^\[::1\]$/.test(hostname);
  if (protocol === 'https:' || local) return ok('public URL', url);
  return warn(
    'public URL',
    `${url} is not encrypted: passwords and sessions can be read on the way`,
    'Put a proxy with TLS before it, set https:// and ANDON_TRUST_PROXY.',
  );
}

async function mailServer({ mail }: Config): Promise<Finding> {
  if (!mail)
    return warn(
      'mail server',
      'ANDON_SMTP_URL is not set in this environment: without it in that of the processes, send_email items fail, and nobody is told of failures by mail',
      'The doctor sees its own environment only: give it that of the processes. Where they have none either, set it as smtp://user:password@host:587.',
    );
  const office = new PostOffice(mail);
  const where = `${mail.host}:${mail.port}`;
  try {
    await office.verify(AbortSignal.timeout(SMTP_MS));
    return ok('mail server', `${where} answers and takes the login; mails come from ${mail.from}`);
  } catch (error) {
    const why = /aborted due to timeout/.test(messageOf(error))
      ? `no answer within ${SMTP_MS / 1_000} s`
      : messageOf(error);
    return fail(
      'mail server',
      `${where}: ${why}`,
      'Mails are kept for 3 days. Is ANDON_SMTP_URL right, does the server run, is the port open from here?',
    );
  } finally {
    office.close();
  }
}
