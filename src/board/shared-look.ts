/**
 * One look that serves all who ask meanwhile, and yet is never older than the question: whoever comes while
 * a look runs gets the next one, which begins when that has ended, and shares it with all who came too. So
 * what somebody has just changed shows, wherever it was changed, and many who ask cost no more than two.
 */
export class SharedLook<T> {
  private readonly look: () => Promise<T>;
  private running: Promise<unknown> | null = null;
  private next: Promise<T> | null = null;

  constructor(look: () => Promise<T>) {
    this.look = look;
  }

  now(): Promise<T> {
    if (!this.running) return this.begin();
    // How the one that runs ends is for those who asked for it.
    this.next ??= this.running.then(() => {
      this.next = null;
      return this.begin();
    });
    return this.next;
  }

  private begin(): Promise<T> {
    const answer = this.look();
    const ended = answer.then(
      () => {},
      () => {},
    );
    this.running = ended;
    void ended.then(() => {
      if (this.running === ended) this.running = null;
    });
    return answer;
  }
}
