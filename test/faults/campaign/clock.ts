/** The clock of the whole machine, which the witness reads too. Milliseconds. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** @throws when the deadline passes first */
export async function awaited(
  what: string,
  ms: number,
  come: () => boolean | Promise<boolean>,
): Promise<void> {
  for (const till = now() + ms; ; ) {
    if (await come()) return;
    if (now() > till) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await pause(20);
  }
}
