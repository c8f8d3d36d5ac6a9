/**
 * What pods saw, by the name a case gave to its request: the far end of cancellations and resets.
 */
export class Journal {
  readonly #events = new Map<string, string[]>();
  readonly #waiting = new Set<() => void>();

  note(id: string, event: string): void {
    const events = this.#events.get(id);
    if (events) events.push(event);
    else this.#events.set(id, [event]);
    for (const wake of this.#waiting) wake();
  }

  of(id: string): readonly string[] {
    return this.#events.get(id) ?? [];
  }

  /** The first event of `id` that `matches`; rejects with all that were seen after five seconds. */
  async until(id: string, matches: RegExp): Promise<string> {
    const deadline = performance.now() + 5_000;
    for (;;) {
      const found = this.of(id).find((each) => matches.test(each));
      if (found !== undefined) return found;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`${id}: no ${matches} among [${this.of(id).join(', ')}]`);
      await this.#change(leftMs);
    }
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.#waiting.add(done);
    });
  }
}
