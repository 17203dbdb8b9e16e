import type { ComponentChildren } from 'preact';
import type { Visitor } from '../../accounts/guard.js';
import { assetPath } from '../assets.js';
import type { Flash } from '../flash.js';
import { Form } from './form.js';
import { navEntries } from './nav.js';

export type Theme = 'light' | 'dark' | 'auto';

export interface LayoutProps {
  readonly title: string;
  readonly visitor: Visitor | null;
  readonly flash: Flash | null;
  readonly theme: Theme;
  /** Path of this page, for the navigation. */
  readonly path: string;
  /** Paths that exist, so that the navigation leads nowhere else. */
  readonly known: ReadonlySet<string>;
  readonly bare: boolean;
  /** What stands in the search box. */
  readonly searched: string;
  /** Clients of whose failures nobody is told; null for what belongs to none. */
  readonly untold: readonly (string | null)[];
  readonly children: ComponentChildren;
}

/** Every page: head, navigation, what was just done, and the page itself. */
export function Layout(props: LayoutProps) {
  const { title, visitor, flash, theme, bare, children } = props;
  return (
    <html lang="en" data-theme={theme === 'auto' ? undefined : theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · Andon`}</title>
        <link rel="icon" href={assetPath('andon.svg')} />
        <link rel="stylesheet" href={assetPath('console.css')} />
        <script type="module" src={assetPath('console.js')} />
        <script type="module" src={assetPath('keys.js')} />
        <script type="module" src={assetPath('drafts.js')} />
      </head>
      <body class={bare || !visitor ? 'bare' : undefined} data-visitor={visitor ? '' : undefined}>
        <a class="skip" href="#main">
          Skip to the page
        </a>
        {visitor && !bare ? <Header {...props} visitor={visitor} /> : null}
        {visitor && !bare && props.untold.length > 0 ? (
          <Untold clients={props.untold} mayTell={visitor.caller.may('admin')} />
        ) : null}
        <div id="notice" role="status" aria-live="polite">
          {flash ? <Notice flash={flash} visitor={visitor} /> : null}
        </div>
        <main id="main" tabindex={-1}>
          {children}
        </main>
      </body>
    </html>
  );
}

const Untold = ({
  clients,
  mayTell,
}: {
  clients: readonly (string | null)[];
  mayTell: boolean;
}) => (
  <p class="untold">
    Nobody is told when something fails for{' '}
    {clients
      .slice(0, 3)
      .map((one) => one ?? 'what belongs to no client')
      .join(', ')}
    {clients.length > 3 ? ` and ${clients.length - 3} more` : ''}.{' '}
    {mayTell ? (
      <a href="/alerts">Say who gets a mail</a>
    ) : (
      <>
        An admin can <a href="/alerts">say who gets a mail</a>.
      </>
    )}
  </p>
);

const Notice = ({ flash, visitor }: { flash: Flash; visitor: Visitor | null }) => (
  <div class={flash.bad ? 'notice bad' : 'notice'}>
    {flash.say}
    {flash.undo && visitor?.caller.may('operate') ? (
      <Form action={`/items/${flash.undo}/undo-skip`} token={visitor.token} class="inline">
        <button type="submit">Undo</button>
      </Form>
    ) : null}
  </div>
);

function Header({ visitor, path, known, searched }: LayoutProps & { visitor: Visitor }) {
  const { caller, user } = visitor;
  const entries = navEntries.filter(
    (one) =>
      known.has(one.path) && caller.may(one.permission) && (!one.unlimitedOnly || caller.unlimited),
  );
  return (
    <header class="top">
      <a class="brand" href="/">
        <img src={assetPath('andon.svg')} alt="" width="22" height="22" />
        Andon
      </a>
      <nav aria-label="Pages">
        <ul>
          {entries.map((one) => (
            <li key={one.path}>
              <a href={one.path} aria-current={isAt(path, one.path) ? 'page' : undefined}>
                {one.label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {known.has('/search') ? (
        <search class="search">
          <form action="/search">
            <input
              type="search"
              name="q"
              value={searched}
              aria-label="Search"
              placeholder="Queue id, SKU, order, error …  ( / )"
              data-search
            />
          </form>
        </search>
      ) : null}
      <details class="me">
        <summary>
          <span class="who">{user.fullName || user.name}</span>
          <span class="role">{user.role}</span>
        </summary>
        <div class="menu">
          <p class="muted">
            {user.name} · {user.role} of {user.clients ? user.clients.join(', ') : 'all clients'}
          </p>
          <fieldset class="theme" data-theme-choice>
            <legend>Colours</legend>
            <button type="button" data-theme-set="auto">
              As the system
            </button>
            <button type="button" data-theme-set="light">
              Light
            </button>
            <button type="button" data-theme-set="dark">
              Dark
            </button>
          </fieldset>
          <a href="/account">Your account</a>
          <Form action="/logout" token={visitor.token}>
            <button type="submit" class="plain">
              Log out
            </button>
          </Form>
        </div>
      </details>
    </header>
  );
}

/** `/users/jane` is at Users; only the first page is at `/`. */
const isAt = (path: string, entry: string) =>
  path === entry || (entry !== '/' && path.startsWith(`${entry}/`));
