/** Bull Board in the colours that were chosen at the desk, where some were. It keeps its own under this name. */
const chosen = /(?:^|; )andon-theme=(light|dark|auto)/.exec(document.cookie)?.[1];
if (chosen) {
  const kept = JSON.parse(localStorage.getItem('board-settings') ?? '{"state":{},"version":2}');
  kept.state.theme = chosen === 'auto' ? 'system' : chosen;
  localStorage.setItem('board-settings', JSON.stringify(kept));
}
