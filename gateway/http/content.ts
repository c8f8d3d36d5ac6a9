/**
 * What one request holds of content that is on its way, and what its client has credit for.
 */
import type { HeldContent, Holder } from './held.ts';

export class Content {
  readonly #held: HeldContent;
  readonly #holder: Holder;
  /** Of the request: what came, what the present attempt has sent, what the client got credit for. */
  #receivedBytes = 0;
  #sentBytes = 0;
  #creditedBytes = 0;
  /** Of the answer: what was passed on, and what of that has not left. */
  #answerBytes = 0;
  #unsentBytes = 0;
  /** As told to {@link HeldContent}. */
  #heldBytes = 0;

  constructor(held: HeldContent, holder: Holder) {
    this.#held = held;
    this.#holder = holder;
  }

  /** Of the answer, what was passed on so far. */
  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** `bytes` of the request came. Count them once they are passed on: {@link count}. */
  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Another attempt begins, which has sent nothing. */
  again(): void {
    this.#sentBytes = 0;
  }

  /** The attempt has sent `bytes`; returns those the client gets credit for, which an earlier one had not sent. */
  sent(bytes: number): number {
    this.#sentBytes += bytes;
    const credit = this.#sentBytes - this.#creditedBytes;
    if (credit <= 0) return 0;
    this.#creditedBytes += credit;
    this.count(false);
    return credit;
  }

  /** `bytes` of the answer are passed on. Count them once they are: {@link count}. */
  passed(bytes: number): void {
    this.#answerBytes += bytes;
    this.#unsentBytes += bytes;
  }

  /** `bytes` of the answer have left. */
  left(bytes: number, over: boolean): void {
    this.#unsentBytes -= bytes;
    this.count(over);
  }

  /** Nobody takes or sends anything any more; returns the bytes of the answer that never left. */
  letGo(over: boolean): number {
    const unsentBytes = this.#unsentBytes;
    this.#unsentBytes = 0;
    this.#creditedBytes = this.#receivedBytes;
    this.count(over);
    return unsentBytes;
  }

  /** Tells what is held now; of a request that is `over`, only its answer still is. */
  count(over: boolean): void {
    const request = over ? 0 : this.#receivedBytes - this.#creditedBytes;
    const now = request + this.#unsentBytes;
    const before = this.#heldBytes;
    if (now === before) return;
    this.#heldBytes = now;
    this.#held.change(this.#holder, before, now);
  }
}
