import { readFileSync } from 'node:fs';
import { pause } from '../lifecycle.js';

/** How long a process may take to end after SIGTERM before it is killed, in milliseconds. */
const TERM_MS = 10_000;
const ASK_EVERY_MS = 500;

/**
 * When a process was born, in a form that only serves to compare; null when there is none.
 * Process ids are used again, in containers nearly at once: id and birth together are one process.
 */
export function bornAt(pid: number): string | null {
  if (!canSignal(pid)) return null;
  if (process.platform !== 'linux') return 'unknown';
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name and may hold anything, even blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, born] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? null : (born ?? null);
  } catch {
    return null;
  }
}

function canSignal(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Asks the process to end and resolves when it has; one that does not listen is killed. Asks more
 * than once: a Redis that is writing its first AOF refuses, and forgets that it was asked.
 */
export async function endProcess(pid: number): Promise<void> {
  const born = bornAt(pid);
  const deadline = Date.now() + TERM_MS;
  let askAt = 0;
  while (born !== null && bornAt(pid) === born) {
    const now = Date.now();
    if (now > deadline) signal(pid, 'SIGKILL');
    else if (now > askAt) {
      signal(pid, 'SIGTERM');
      askAt = now + ASK_EVERY_MS;
    }
    await pause(10);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended by itself.
  }
}
