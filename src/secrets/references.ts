import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { REFERENCE_PREFIX, type ReferenceRoom } from '../config/reference-room.js';

/** A secret is a line or a key, not a book. Bytes. */
const FILE_LIMIT = 64 * 1024;

/** A reference that leads nowhere, or where it may not. */
export class BadReference extends Error {
  constructor(reference: string, why: string) {
    super(`${reference} ${why}`);
    this.name = 'BadReference';
  }
}

const pattern = /^(env|file):(.+)$/s;

export const isReference = (text: string): boolean => pattern.test(text);

/**
 * Secrets that stand elsewhere, as `env:CONNECTOR_SHOP_TOKEN` or `file:shop-token`. They are read where a
 * connector is made, and never stored: only the reference is. Whoever may write settings can make us send
 * what a reference names to an address of theirs, so only what was meant for connectors can be named.
 */
export class References {
  private readonly room: ReferenceRoom;

  constructor(room: ReferenceRoom) {
    this.room = room;
  }

  /** Why a reference may not stand in settings; null when it may, or is none. Whether it leads anywhere is seen later. */
  refusal(text: string): string | null {
    const [, kind, name = ''] = pattern.exec(text) ?? [];
    if (kind === 'env' && !/^CONNECTOR_[A-Z0-9_]{1,100}$/.test(name))
      return `must name a variable whose name begins with ${REFERENCE_PREFIX}, as env:${REFERENCE_PREFIX}SHOP_TOKEN`;
    if (kind === 'file' && !isBelow(this.path(name), this.room.directory))
      return `must name a file in ${this.room.directory}, as file:shop-token`;
    return null;
  }

  /** The value with every reference in it replaced by what it names. @throws BadReference */
  async resolve<T>(value: T): Promise<T> {
    return (await this.deep(value)) as T;
  }

  private async deep(value: unknown): Promise<unknown> {
    if (typeof value === 'string') return isReference(value) ? this.read(value) : value;
    if (Array.isArray(value)) return Promise.all(value.map((one) => this.deep(one)));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(async ([name, one]) => [name, await this.deep(one)]);
    return Object.fromEntries(await Promise.all(entries));
  }

  private async read(reference: string): Promise<string> {
    const refused = this.refusal(reference);
    if (refused) throw new BadReference(reference, refused);
    const [, kind, name = ''] = pattern.exec(reference) ?? [];
    const value = kind === 'env' ? this.room.variables[name] : await this.readFile(reference, name);
    if (!value)
      throw new BadReference(reference, 'is not set on this worker: set it, restart, then retry');
    return value;
  }

  private async readFile(reference: string, name: string): Promise<string> {
    const { directory, own } = this.room;
    let file: string;
    let size: number;
    try {
      // A link may lead out of the directory, or to Andon's own.
      file = await realpath(this.path(name));
      const root = await realpath(directory);
      const real = await Promise.all(own.map((path) => realpath(path).catch(() => path)));
      if (!isBelow(file, root) || real.includes(file))
        throw new BadReference(reference, 'is not for connectors');
      const found = await stat(file);
      if (!found.isFile()) throw new BadReference(reference, 'is no file');
      size = found.size;
    } catch (error) {
      if (error instanceof BadReference) throw error;
      throw new BadReference(reference, `cannot be read on this worker (${codeOf(error)})`);
    }
    if (size > FILE_LIMIT) throw new BadReference(reference, 'is larger than 64 KiB');
    const text = await readFile(file, 'utf8');
    return text.replace(/\r?\n$/, '');
  }

  private path(name: string): string {
    return isAbsolute(name) ? name : join(this.room.directory, name);
  }
}

function isBelow(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && !isAbsolute(way) && way.split(sep)[0] !== '..';
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unreadable';
