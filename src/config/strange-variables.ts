import { didYouMean } from './did-you-mean.js';
import { environmentSchema, secretNames } from './environment.js';

/** Variables of ours that are no settings of a process: of the command line, the containers and the tests. */
const others =
  /^ANDON_(URL|KEY|KEY_FILE|SECRET|PUBLISH|CHROMIUM|SCREENSHOTS|FAULT_AT|MEASURE|MODEL_\w+|TEST_\w+|CRASHES|MANY|OUTAGE_S|FOLLOW_UP\w*)$/;
/** What Kubernetes sets in every container for a service whose name begins with "andon". */
const ofKubernetes = /_(SERVICE_(HOST|PORT)|PORT)(_|$)/;

/** Sentences about variables that look like settings of ours and are none: mostly a slip of the keyboard. */
export function strangeVariables(environment: Readonly<Record<string, unknown>>): string[] {
  const known = [
    ...Object.keys(environmentSchema.shape),
    ...secretNames.map((name) => `${name}_FILE`),
  ];
  return Object.keys(environment)
    .filter((name) => name.startsWith('ANDON_') && !known.includes(name))
    .filter((name) => !others.test(name) && !ofKubernetes.test(name))
    .map((name) => {
      const hint = didYouMean(name, known);
      return `${name} is set in the environment, but there is no such setting${hint || '.'}`;
    });
}
