import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Router } from 'express';

const types = {
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'keys.js': 'text/javascript; charset=utf-8',
  'drafts.js': 'text/javascript; charset=utf-8',
  'andon.svg': 'image/svg+xml',
} as const;
type AssetName = keyof typeof types;

interface Asset {
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** Style sheet, script and icon of the pages. Their path holds a hash of what they are, so browsers may keep them. */
const assets = Object.fromEntries(
  (Object.keys(types) as AssetName[]).map((name) => [name, read(name)]),
) as Record<AssetName, Asset>;

function read(name: AssetName): Asset {
  const bytes = readFileSync(new URL(`static/${name}`, import.meta.url));
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return { path: `/assets/${name.replace('.', `.${hash}.`)}`, type: types[name], bytes };
}

export const assetPath = (name: AssetName): string => assets[name].path;

/** Anybody may load them: they say nothing about anybody, and the login needs them. */
export function assetRoutes(): Router {
  const router = Router();
  for (const { path, type, bytes } of Object.values(assets)) {
    router.get(path, (_, response) => {
      response
        .set('Cache-Control', 'public, max-age=31536000, immutable')
        .set('X-Content-Type-Options', 'nosniff')
        .type(type)
        .send(bytes);
    });
  }
  return router;
}
