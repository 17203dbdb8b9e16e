import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type Copy,
  DockerfileParser,
  type Instruction,
  type JSONInstruction,
} from 'dockerfile-ast';

/** One FROM and what follows it. */
export interface Stage {
  readonly name: string | null;
  readonly base: string;
  readonly steps: readonly Instruction[];
}

export function stagesOf(dockerfile: string): Stage[] {
  const stages: { name: string | null; base: string; steps: Instruction[] }[] = [];
  const parsed = DockerfileParser.parse(dockerfile);
  const froms = parsed.getFROMs();
  for (const step of parsed.getInstructions()) {
    const from = froms.find((one) => one.getRange().start.line === step.getRange().start.line);
    if (from) stages.push({ name: from.getBuildStage(), base: from.getImage() ?? '', steps: [] });
    else stages.at(-1)?.steps.push(step);
  }
  return stages;
}

export const keyword = (step: Instruction): string => step.getKeyword();
export const words = (step: Instruction): string[] =>
  step.getArguments().map((one) => one.getValue());

/** The words of a CMD or ENTRYPOINT in exec form; null in shell form, where a shell gets the signals. */
export function execForm(step: Instruction | undefined): string[] | null {
  const json = step as JSONInstruction | undefined;
  if (!json?.getOpeningBracket()) return null;
  return json.getJSONStrings().map((one) => one.getJSONValue());
}

/** What a COPY takes, from which stage (null: the build context), and where it puts it. */
export function copyOf(step: Instruction): { from: string | null; sources: string[]; to: string } {
  const all = words(step);
  const flag = (step as Copy).getFromFlag();
  return { from: flag?.getValue() ?? null, sources: all.slice(0, -1), to: all.at(-1) ?? '' };
}

/** ENV of a stage, as an environment. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = stage.steps.filter((step) => keyword(step) === 'ENV').flatMap(words);
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

export interface BuildOptions {
  /** The build context. */
  readonly context: string;
  /** Where every stage gets a directory of its own that stands for its `/`. */
  readonly scratch: string;
  readonly say: (line: string) => void;
}

/**
 * Carries out what a Dockerfile says without a container engine: every COPY and RUN, in order, each stage
 * below a directory of its own. Absolute paths in RUN are moved below it too.
 */
export function build(dockerfile: string, { context, scratch, say }: BuildOptions): string {
  let root = scratch;
  for (const [n, stage] of stagesOf(dockerfile).entries()) {
    root = join(scratch, stage.name ?? String(n));
    for (const directory of ['app', 'var/lib', 'usr/local/bin', 'tmp'])
      mkdirSync(join(root, directory), { recursive: true });
    let here = root;
    for (const step of stage.steps) {
      if (keyword(step) === 'WORKDIR') {
        here = join(root, words(step)[0] ?? '/');
        mkdirSync(here, { recursive: true });
      } else if (keyword(step) === 'COPY') {
        copy(step, { here, context, scratch });
        say(`${stage.name ?? 'image'}: COPY ${words(step).join(' ')}`);
      } else if (keyword(step) === 'RUN') {
        const command = below(root, step.getArgumentsContent() ?? '');
        say(`${stage.name ?? 'image'}: RUN ${command}`);
        const { status } = spawnSync('sh', ['-c', command], { cwd: here, stdio: 'inherit' });
        if (status !== 0) throw new Error(`that failed (${status})`);
      }
    }
  }
  return root;
}

const below = (root: string, command: string): string =>
  command.replace(/(?<=[\s])\/(var\/lib|usr\/local)/g, `${root}/$1`);

function copy(step: Instruction, at: { here: string; context: string; scratch: string }): void {
  const { from, sources, to } = copyOf(step);
  for (const source of sources) {
    const origin = from === null ? join(at.context, source) : join(at.scratch, from, source);
    const target = join(at.here, to);
    const into = to.endsWith('/') ? join(target, basename(source)) : target;
    cpSync(origin, into, { recursive: true, verbatimSymlinks: true });
  }
}

/** Paths that a .dockerignore of the kind "everything, except …" lets through. */
export const letThrough = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
