const steps: readonly [seconds: number, unit: string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** "5 min ago", "in 3 h", "just now". The script keeps it right while the page is open. */
export function inWords(at: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - at.getTime()) / 1_000);
  const [size, unit] = steps.find(([each]) => Math.abs(seconds) >= each) ?? [1, 's'];
  const count = Math.floor(Math.abs(seconds) / size);
  if (Math.abs(seconds) < 5) return 'just now';
  return seconds > 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

/** A moment as people say it; the exact one shows when pointed at. Nothing for none. */
export function Ago({ at }: { at: string | number | null | undefined }) {
  if (at === null || at === undefined) return null;
  const moment = new Date(at);
  const exact = moment.toISOString();
  return (
    <time datetime={exact} title={`${exact.slice(0, 19).replace('T', ' ')} UTC`} data-ago>
      {inWords(moment, new Date())}
    </time>
  );
}
