/**
 * Shows one of the examples: `npm run example shopify` (or erp, store). Starts a whole Andon on a Redis
 * of its own in a temporary directory and the fake that belongs to the example, lets items through, tells
 * what happened, and leaves nothing behind.
 */
import { TestAndon } from 'andon/testing';

const names = ['shopify', 'erp', 'store'];
const [name] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`Which example? npm run example ${names.join(' | ')}`);
  process.exit(2);
}

const { title, show } = await import(`./${name}/show.js`);
const modules = new URL('.', import.meta.url).pathname;
const andon = await TestAndon.start({ modules });
console.log(`\n${title}\n`);
try {
  await show(andon, (sentence) => console.log(`  ${sentence}`));
} finally {
  await andon.stop();
}
console.log();
