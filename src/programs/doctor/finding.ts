/** One thing that was looked at: how it is, and what to do where it is not well. */
export interface Finding {
  readonly about: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly says: string;
  readonly todo?: string;
}

export const ok = (about: string, says: string): Finding => ({ about, verdict: 'ok', says });
export const warn = (about: string, says: string, todo: string): Finding => ({
  about,
  verdict: 'warn',
  says,
  todo,
});
export const fail = (about: string, says: string, todo: string): Finding => ({
  about,
  verdict: 'fail',
  says,
  todo,
});

/** Sentences that say both at once, as checks of the start have them; `fine` where there are none. */
export function judged(
  about: string,
  sentences: readonly string[],
  fine: string,
  bad: 'warn' | 'fail' = 'fail',
): Finding[] {
  if (sentences.length === 0) return [ok(about, fine)];
  return sentences.map((says) => ({ about, verdict: bad, says }));
}

export const seconds = (ms: number): string => {
  const s = Math.round(ms / 1_000);
  if (s < 120) return `${s} s`;
  return s < 7_200 ? `${Math.round(s / 60)} minutes` : `${Math.round(s / 3_600)} hours`;
};

export const megabytes = (bytes: number): string => {
  const mb = bytes / 1024 / 1024;
  return mb < 1_024 ? `${mb.toFixed(mb < 10 ? 1 : 0)} MB` : `${(mb / 1_024).toFixed(1)} GB`;
};

/** The first few of many. */
export const some = (names: readonly string[], most = 5): string =>
  names.length <= most
    ? names.join(', ')
    : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
