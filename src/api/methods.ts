import type { Route } from './route.js';

/** What each path of the table takes, as it stands in an `Allow` header: `['GET', 'HEAD', 'PUT']`; empty for a path that there is not. */
export function methodsOf(
  routes: readonly Pick<Route, 'method' | 'path'>[],
): (path: string) => string[] {
  const paths = new Map<string, { fits: RegExp; methods: Set<string> }>();
  for (const { method, path } of routes) {
    const known = paths.get(path) ?? { fits: patternOf(path), methods: new Set() };
    known.methods.add(method.toUpperCase());
    if (method === 'get') known.methods.add('HEAD');
    paths.set(path, known);
  }
  return (path) => {
    const found = [...paths.values()].filter(({ fits }) => fits.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  };
}

/** As express reads it: a name stands for one part, capitals and a slash at the end do not matter. */
const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}/?$`, 'i');
