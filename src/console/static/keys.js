/**
 * Lists that are walked with the keyboard. Works on attributes that the server wrote:
 *   data-keyed       a list; its rows have data-key, and in each one link has data-row
 *   data-verb="r"    what is pressed by r in the row that the focus is in
 *   data-key-help    the dialog that "?" opens
 */
const rows = () => [...document.querySelectorAll('[data-keyed] [data-row]')];
const rowOf = (element) => element?.closest?.('[data-keyed] [data-key]');

/** Where the cursor was, should its row go. */
let place = -1;

document.addEventListener('focusin', (event) => {
  const row = rowOf(event.target);
  place = row ? rows().findIndex((link) => row.contains(link)) : -1;
});

function go(to) {
  const all = rows();
  const link = all[Math.max(0, Math.min(to, all.length - 1))];
  link?.focus();
  rowOf(link)?.scrollIntoView({ block: 'nearest' });
}

const verbs = { r: true, s: true, t: true };

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.('input, textarea, select, [contenteditable]')) return;
  if (document.querySelector('dialog[open]')) return;
  if (event.key === '?') {
    document.querySelector('[data-key-help]')?.showModal();
    return;
  }
  if (!document.querySelector('[data-keyed]')) return;
  if (event.key === 'j') go(place + 1);
  else if (event.key === 'k') go(place < 0 ? 0 : place - 1);
  else if (verbs[event.key]) {
    rowOf(document.activeElement)?.querySelector(`[data-verb="${event.key}"]`)?.click();
  }
});

// A row that was dealt with goes with the next refresh, and the focus with it: on to the row in its place.
for (const part of document.querySelectorAll('[data-live]')) {
  new MutationObserver(() => {
    if (place < 0 || document.activeElement !== document.body) return;
    const link = rows()[Math.min(place, rows().length - 1)];
    link?.focus({ preventScroll: true });
  }).observe(part, { childList: true });
}

// A choice in a filter shows at once what fits.
for (const form of document.querySelectorAll('[data-filters]')) {
  form.addEventListener('change', (event) => {
    if (event.target.matches('select')) form.requestSubmit();
  });
}
