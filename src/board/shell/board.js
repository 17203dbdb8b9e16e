/**
 * What Bull Board's page does not tell by itself: that what it shows is old, because the server is
 * away or the login has ended; where the item it shows is in the console; and, to those who cannot see
 * pictures, what its buttons do.
 */
const EVERY_MS = 5_000;
const base = document.baseURI;

/**
 * The page polls whether somebody sits before it or not. While nobody does, its requests say so, and the
 * session ends in its time instead of living as long as the page stays open.
 */
const AWAY_AFTER_MS = 60_000;
let lastTouched = Date.now();
for (const event of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'])
  addEventListener(event, () => (lastTouched = Date.now()), { passive: true });
const isAway = () => Date.now() - lastTouched > AWAY_AFTER_MS;

/**
 * Everything that writes bears the token of this session, as our own forms do: a page of another site can
 * make the browser send its cookie, and cannot know this.
 */
const token = document.querySelector('meta[name="andon-token"]')?.content ?? '';
const writesHere = (method, url) =>
  !/^(get|head)$/i.test(method) && new URL(url, base).origin === location.origin;
const ours = (method, url) => ({
  ...(isAway() && { 'x-andon-live': 'idle' }),
  ...(writesHere(method, url) && { 'x-andon-token': token }),
});

const { open, send } = XMLHttpRequest.prototype;
const opened = new WeakMap();
XMLHttpRequest.prototype.open = function (method, url, ...more) {
  opened.set(this, [method, url]);
  return open.call(this, method, url, ...more);
};
XMLHttpRequest.prototype.send = function (...body) {
  const [method, url] = opened.get(this) ?? ['GET', base];
  for (const [name, value] of Object.entries(ours(method, url))) this.setRequestHeader(name, value);
  return send.apply(this, body);
};
const stockFetch = window.fetch;
window.fetch = (input, options = {}) => {
  const request = input instanceof Request ? input : null;
  const more = ours(options.method ?? request?.method ?? 'GET', request?.url ?? String(input));
  if (Object.keys(more).length === 0) return stockFetch(input, options);
  const headers = new Headers(options.headers ?? request?.headers ?? {});
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return stockFetch(input, { ...options, headers });
};

const strip = document.createElement('div');
strip.className = 'andon-strip';
strip.hidden = true;
strip.setAttribute('role', 'status');
document.body.append(strip);

let awaySince = null;

async function look() {
  try {
    const answer = await fetch(new URL('andon/alive', base), {
      headers: { accept: 'application/json' },
    });
    // Logged out: the page itself leads to the login.
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    awaySince = null;
  } catch {
    awaySince ??= new Date();
  }
  draw();
}

function draw() {
  const [, queueId] = /\/queue\/[^/]+\/(\d+)/.exec(location.pathname) ?? [];
  strip.classList.toggle('stale', awaySince !== null);
  if (awaySince) {
    strip.textContent = `Andon has not answered since ${awaySince.toLocaleTimeString()}: what you see is old.`;
  } else if (queueId) {
    const link = document.createElement('a');
    link.href = `/items/${queueId}`;
    link.textContent = `Item ${queueId} in the console`;
    strip.replaceChildren(link);
  }
  strip.hidden = !awaySince && !queueId;
}

/** By the class of the picture that is all they show. */
const names = {
  'refresh-cw': 'Retry',
  'trash-2': 'Skip',
  pencil: 'Edit data',
  files: 'Duplicate',
  copy: 'Copy',
  'ellipsis-vertical': 'More',
  maximize: 'Full screen',
  settings: 'Settings',
  'circle-user': 'Links',
};

function nameButtons() {
  for (const [picture, name] of Object.entries(names))
    for (const icon of document.querySelectorAll(`button:not([aria-label]) > .lucide-${picture}`))
      if (icon.parentElement.textContent === '')
        icon.parentElement.setAttribute('aria-label', name);
}

setInterval(look, EVERY_MS);
let shown = '';
setInterval(() => {
  nameButtons();
  if (shown === location.pathname) return;
  shown = location.pathname;
  draw();
}, 300);
look();
