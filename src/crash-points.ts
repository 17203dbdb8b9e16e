/**
 * Places where a test may have this process killed, as a power cut would: `ANDON_FAULT_AT=name` or
 * `name:3` for the third time it comes by. Only with `NODE_ENV=test` besides, so that nobody trips over
 * it in earnest; otherwise a point is an empty function. The one thing that is read from the
 * environment outside `config/`: it is no setting.
 */
export const crashPoint: (name: string) => void =
  process.env['NODE_ENV'] === 'test' && process.env['ANDON_FAULT_AT']
    ? armed(process.env['ANDON_FAULT_AT'])
    : () => {};

function armed(at: string): (name: string) => void {
  const [wanted, nth = '1'] = at.split(':');
  let left = Number(nth);
  return (name) => {
    if (name !== wanted) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
