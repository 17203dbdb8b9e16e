import { readFileSync } from 'node:fs';
import { build } from './image.js';

/**
 * `npm run image -- DIR`: every RUN and COPY of the Dockerfile, carried out below DIR by whoever calls it,
 * where there is no container engine. What comes out stands in the last directory that it names.
 */
const [scratch] = process.argv.slice(2);
if (!scratch || scratch.startsWith('-')) {
  console.error('Usage: npm run image -- DIR   (an empty directory, in which the image is made)');
  process.exit(scratch === '--help' || scratch === '-h' ? 0 : 2);
}
const root = build(readFileSync('Dockerfile', 'utf8'), {
  context: process.cwd(),
  scratch,
  say: (line) => console.log(line),
});
console.log(`built: ${root}/app`);
