/**
 * How long a connection has waited for what it waits for now. pure
 *
 * Asked once a second, so that nothing of a request pays for the time: a request only leaves a mark.
 */
import {
  ANSWER_STALL_MS,
  BODY_IDLE_MS,
  DISCARD_MS,
  ENDED_MS,
  HEAD_MS,
  IDLE_MS,
  LINGER_MS,
} from './bounds.ts';

/** What a connection waits for; `nothing` may last. */
export type Wait = 'nothing' | 'head' | 'idle' | 'body' | 'room' | 'answer' | 'discard' | 'linger';

const BOUNDS: Readonly<Record<Wait, number>> = {
  nothing: Number.POSITIVE_INFINITY,
  head: HEAD_MS,
  idle: IDLE_MS,
  body: BODY_IDLE_MS,
  room: ANSWER_STALL_MS,
  answer: ENDED_MS,
  discard: DISCARD_MS,
  linger: LINGER_MS,
};

export class Patience {
  /** A request began or was completed since the last question: whatever is waited for is new. */
  turned = false;
  /** Content came since the last question. */
  moved = false;
  #wait: Wait = 'head';
  #sinceMs: number;
  #outputMark = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Whether `wait` has lasted too long; `outputMark` changes as output leaves. */
  isOver(wait: Wait, outputMark: number, nowMs: number): boolean {
    const goesOn =
      wait === this.#wait &&
      !this.turned &&
      !(wait === 'body' && this.moved) &&
      !(wait === 'room' && outputMark !== this.#outputMark);
    this.turned = false;
    this.moved = false;
    this.#wait = wait;
    this.#outputMark = outputMark;
    if (!goesOn) this.#sinceMs = nowMs;
    return nowMs - this.#sinceMs >= BOUNDS[wait];
  }
}
