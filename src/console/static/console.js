/**
 * What the pages do in the browser; each part works on attributes that the server wrote.
 *   data-theme-set     chooses light, dark or the system's colours
 *   data-opens, data-closes   open and close a <dialog>
 *   data-stay          a form that is sent without leaving the page
 *   data-live          a part of the page that is fetched again when something changed
 *   data-busy          something is under way there: its page is fetched every second
 *   data-ago           a time told as "5 min ago"
 *   data-search        the search box: "/" jumps into it
 */
const notice = document.querySelector('#notice');

/** Says something where screen readers notice it. Text only. */
function say(text, kind = '') {
  const line = document.createElement('p');
  line.className = `notice ${kind}`;
  line.textContent = text;
  notice.replaceChildren(line);
  return line;
}

function sayStale(text) {
  if (!notice.querySelector('.stale')) say(text, 'stale');
}

function sayEnded() {
  const line = say('Your session has ended; what you see is old. ', 'stale');
  const link = document.createElement('a');
  link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = 'Log in again';
  line.append(link);
  closeStream();
  ended = true;
}

/* colours */

function showTheme() {
  const chosen = document.documentElement.dataset.theme ?? 'auto';
  for (const button of document.querySelectorAll('[data-theme-set]')) {
    button.setAttribute('aria-pressed', String(button.dataset.themeSet === chosen));
  }
}

function setTheme(theme) {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API does not exist on plain http
  document.cookie = `andon-theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  showTheme();
}
showTheme();

/* where on a phone the navigation is wider than the window, the page that is open shows in it */

const here = document.querySelector('.top nav [aria-current]');
here?.scrollIntoView({ block: 'nearest', inline: 'nearest' });

/* clicks */

let active = true;
for (const kind of ['pointerdown', 'keydown']) {
  document.addEventListener(kind, () => {
    active = true;
  });
}

document.addEventListener('click', (event) => {
  const at = (selector) => event.target.closest?.(selector);
  const theme = at('[data-theme-set]');
  if (theme) setTheme(theme.dataset.themeSet);
  const opener = at('[data-opens]');
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const closer = at('[data-closes]');
  if (closer) closer.closest('dialog')?.close();
  if (event.target instanceof HTMLDialogElement) event.target.close(); // beside the dialog
  const menu = document.querySelector('.me[open]');
  if (menu && !menu.contains(event.target)) menu.open = false;
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') document.querySelector('.me[open]')?.removeAttribute('open');
  const typing = event.target.closest?.('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector('[data-search]');
  if (!search) return;
  event.preventDefault();
  search.focus();
});

/* forms that stay */

document.addEventListener('submit', async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (!form.matches('[data-stay]')) return;
  event.preventDefault();
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = '';
  try {
    const body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(button?.getAttribute('formaction') ?? form.getAttribute('action'), {
      method: 'POST',
      body,
      headers: { accept: 'application/json' },
    });
    const told = await answer.json();
    if (answer.status === 401) return sayEnded();
    form.closest('dialog')?.close();
    if (answer.ok) say(told.say, told.bad ? 'bad' : '');
    else say(told.errors?.map((one) => one.detail).join('; ') || told.detail || told.title, 'bad');
    // What is being fetched was asked for before this was done, and does not show it.
    await refreshing;
    await refresh();
  } catch {
    say('The server did not answer. Look before you do it again: it may have been done.', 'bad');
  } finally {
    delete form.dataset.sending;
  }
});

/* parts that stay true */

const live = () => [...document.querySelectorAll('[data-live]')];
const isLive = live().length > 0;
let refreshing = null;
let ended = false;
let freshAt = Date.now();

/** Fetches the page again and swaps its live parts; one at a time. */
function refresh() {
  refreshing ??= fetchParts().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function fetchParts() {
  if (ended) return;
  try {
    // A page that nobody touches shall not keep its session alive.
    const headers = { accept: 'text/html', 'x-andon-live': active ? 'active' : 'idle' };
    const answer = await fetch(location.href, { headers });
    if (answer.status === 401) return sayEnded();
    if (!answer.ok) throw new Error(String(answer.status));
    active = false;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.title = fresh.title;
    for (const part of live()) swap(part, fresh.getElementById(part.id));
    freshAt = Date.now();
    notice.querySelector('.stale')?.remove();
    tellTimes();
  } catch {
    const since = new Date(freshAt).toLocaleTimeString();
    sayStale(`The server does not answer; what you see is from ${since}.`);
  }
}

/** Whatever a person is using there, a dialog, a field, a selection, is left alone until the next time. */
function swap(part, fresh) {
  if (!fresh || part.innerHTML === fresh.innerHTML) return;
  if (part.querySelector('dialog[open]')) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches('input:not([type=checkbox]), textarea, select')) return;
  const selection = getSelection();
  if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return;

  const known = new Set([...part.querySelectorAll('[data-key]')].map((row) => row.dataset.key));
  const open = [...part.querySelectorAll('details[open][id]')].map((one) => one.id);
  const ticked = [...part.querySelectorAll('input[type=checkbox]:checked')].map(nameOf);
  const way = focused && wayTo(focused, part);

  part.replaceChildren(...fresh.childNodes);

  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  for (const box of part.querySelectorAll('input[type=checkbox]')) {
    if (ticked.includes(nameOf(box))) box.checked = true;
  }
  for (const row of part.querySelectorAll('[data-key]')) {
    if (!known.has(row.dataset.key)) row.classList.add('fresh');
  }
  way?.()?.focus({ preventScroll: true });
}

const nameOf = (box) => `${box.name}=${box.value}`;

/**
 * How to find an element again: by its id, or by its row and its place among what can be focused there. With
 * its row it is gone: what stands in that place elsewhere is another's.
 */
function wayTo(element, part) {
  if (element.id) return () => document.getElementById(element.id);
  const key = element.closest('[data-key]')?.dataset.key;
  const within = () =>
    key === undefined ? part : part.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const all = () => [
    ...(within()?.querySelectorAll('a, button, input, summary, [tabindex]') ?? []),
  ];
  const place = all().indexOf(element);
  return () => all()[place];
}

let stream = null;
let due = null;

/** Many changes at once are one refresh, and there is one at most every two seconds. */
function soon() {
  if (due) return;
  const wait = Math.max(200, 2_000 - (Date.now() - freshAt));
  due = setTimeout(() => {
    due = null;
    void refresh();
  }, wait);
}

function openStream() {
  if (stream || ended || document.hidden) return;
  stream = new EventSource('/events');
  // What changed between the page and its stream; and after a break, what changed meanwhile.
  stream.addEventListener('open', soon);
  stream.addEventListener('change', soon);
  stream.addEventListener('ended', sayEnded);
}

function closeStream() {
  stream?.close();
  stream = null;
}

if (isLive) {
  openStream();
  // Browsers open few connections to one host: pages that nobody sees give theirs up.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return closeStream();
    openStream();
    void refresh();
  });
  // What no event tells (a hold that ends, a stream that a proxy swallowed) is found out by looking.
  setInterval(() => {
    if (document.hidden) return;
    const patience = stream?.readyState === EventSource.OPEN ? 30_000 : 5_000;
    if (Date.now() - freshAt > patience) void refresh();
  }, 5_000);
  // While something is under way the page keeps up with it.
  setInterval(() => {
    if (!document.hidden && document.querySelector('[data-busy]')) void refresh();
  }, 1_000);
}

/* times */

const units = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

function inWords(at) {
  const seconds = Math.round((Date.now() - at) / 1_000);
  if (Math.abs(seconds) < 5) return 'just now';
  const [size, unit] = units.find(([each]) => Math.abs(seconds) >= each);
  const count = Math.floor(Math.abs(seconds) / size);
  return seconds > 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

function tellTimes() {
  for (const time of document.querySelectorAll('time[data-ago]')) {
    const words = inWords(Date.parse(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
}
setInterval(tellTimes, 10_000);
