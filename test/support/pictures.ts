import { writeFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';

/** Where pictures of the desk are kept. */
const directory = new URL('../../docs/screenshots/', import.meta.url);
/** The largest file, in bytes: they lie in the repository. */
const LARGEST = 150_000;

/**
 * Takes a picture of what the page shows. It is kept, as `docs/screenshots/<name>.png`, with
 * `ANDON_SCREENSHOTS=1` only; it is taken in any case, so that what cannot be drawn is noticed.
 * @throws when it is larger than a repository should hold
 */
export async function picture(
  page: Page,
  name: string,
  { whole = false }: { whole?: boolean } = {},
): Promise<void> {
  const bytes = await page.screenshot({ fullPage: whole });
  if (bytes.length > LARGEST) throw new Error(`${name}.png has ${bytes.length} bytes`);
  if (process.env['ANDON_SCREENSHOTS'] === '1')
    await writeFile(new URL(`${name}.png`, directory), bytes);
}
