/** Environment variables that a connector's settings may name. */
export const REFERENCE_PREFIX = 'CONNECTOR_';

/** What secrets of connectors may be, when they are given as references. */
export interface ReferenceRoom {
  /** The variables with `REFERENCE_PREFIX`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Files that may be named lie in here. */
  readonly directory: string;
  /** Files that hold Andon's own secrets. */
  readonly own: readonly string[];
}
