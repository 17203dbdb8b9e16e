/** A path of ours, whatever was asked for: `//evil.example` and `/\evil.example` lead elsewhere. */
export function localPath(asked: string): string {
  const here = 'http://here';
  if (!URL.canParse(asked, here)) return '/';
  const { origin, pathname, search } = new URL(asked, here);
  return origin === here && !pathname.startsWith('//') ? pathname + search : '/';
}
