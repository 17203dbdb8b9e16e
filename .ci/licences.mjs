/**
 * Writes docs/licences.md: what is shipped with Andon, by licence, from package-lock.json.
 *   node .ci/licences.mjs           writes it
 *   node .ci/licences.mjs --print   prints it
 */
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'));
const byLicence = new Map();
for (const [path, { dev, version, license = 'none named' }] of Object.entries(lock.packages)) {
  if (path === '' || dev) continue;
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const packages = byLicence.get(license) ?? new Set();
  byLicence.set(license, packages.add(`${name} ${version}`));
}
const parts = [...byLicence]
  .sort(([, a], [, b]) => b.size - a.size)
  .map(
    ([licence, packages]) =>
      `## ${licence} (${packages.size})\n\n${[...packages].sort().join(', ')}`,
  );
const text = `# Licences of what is shipped with Andon

Made by \`npm run licences\` from package-lock.json; a test holds the two together. Packages for other platforms
are named too. What is used only to build and test is not in here.

${parts.join('\n\n')}
`;
if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync(new URL('docs/licences.md', root), text);
