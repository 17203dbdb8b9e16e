/** Where people find what a mail speaks of; null when nobody said where this Andon is reached. */
export class Links {
  private readonly base: string | null;

  /** @param publicUrl `ANDON_PUBLIC_URL`, without a slash at its end */
  constructor(publicUrl: string | null) {
    this.base = publicUrl;
  }

  item(queueId: number): string | null {
    return this.to(`/items/${queueId}`);
  }

  queue(name: string): string | null {
    return this.to(`/queues/${encodeURIComponent(name)}`);
  }

  incident(id: number): string | null {
    return this.to(`/incidents/${id}`);
  }

  act(token: string): string | null {
    return this.to(`/act/${token}`);
  }

  private to(path: string): string | null {
    return this.base === null ? null : `${this.base}${path}`;
  }
}
