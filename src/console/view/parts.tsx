import type { ComponentChildren } from 'preact';

/** A part of the page that the script fetches again when something changed. `name`: unique on the page. */
export const Live = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div data-live={name} id={`live-${name}`}>
    {children}
  </div>
);

/** What stands where a list is empty: that it is so, and what that means. */
export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children ? <p class="muted">{children}</p> : null}
  </div>
);

/** A state in its colour; the word says it too. */
export const Badge = ({ state, word = state }: { state: string; word?: string }) => (
  <span class={`badge ${state.replace(/[^a-z-]/g, '')}`}>{word}</span>
);

/** On to older entries of a list. */
export const Pager = ({ next }: { next: string | null }) =>
  next === null ? null : (
    <p class="pager">
      <a class="button" href={next} rel="next">
        Older
      </a>
    </p>
  );

/** Page n of so many, for lists that are sorted as a whole. `to` leads to a page; `words` say where back and on lead. */
export function Pages({
  page,
  last,
  to,
  words: [back, on],
}: {
  page: number;
  last: number;
  to: (page: number) => string;
  words: readonly [string, string];
}) {
  if (last <= 1) return null;
  return (
    <p class="pager">
      {page > 1 ? (
        <a class="button" href={to(page - 1)} rel="prev">
          {back}
        </a>
      ) : null}
      <span>
        {' '}
        Page {page} of {last}{' '}
      </span>
      {page < last ? (
        <a class="button" href={to(page + 1)} rel="next">
          {on}
        </a>
      ) : null}
    </p>
  );
}

/** `/audit?actor=jane`: empty values are left out. */
export function href(
  path: string,
  query: Readonly<Record<string, string | undefined | null>>,
): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value ? [[name, value] as [string, string]] : [],
  );
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
}
