/**
 * How long nothing has moved on a connection to a pod that owes something, and when the pod is to be asked whether it
 * is still there. pure
 *
 * HTTP/1 has no PING: a pod that works at a request and one that has vanished look alike here. Looked at about once a
 * second; nothing of a request pays for it.
 */

/** Nothing moved for so long: the pod is asked. */
export const QUIET_MS = 10_000;

/** See the header of this file. */
export class Silence {
  #exchange: object | undefined;
  #movedBytes = 0;
  #sinceMs = 0;
  #asksAfterMs = QUIET_MS;

  /**
   * Whether the pod is to be asked at `nowMs`. `exchange`: what is under way, `undefined` where nothing is or we are who
   * holds it up; `movedBytes`: changes with everything that comes or goes.
   */
  isDue(exchange: object | undefined, movedBytes: number, nowMs: number): boolean {
    if (exchange === undefined || exchange !== this.#exchange || movedBytes !== this.#movedBytes) {
      this.#exchange = exchange;
      this.#movedBytes = movedBytes;
      this.#sinceMs = nowMs;
      this.#asksAfterMs = QUIET_MS;
      return false;
    }
    return this.lastsMs(nowMs) >= this.#asksAfterMs;
  }

  /** How long it has lasted. */
  lastsMs(nowMs: number): number {
    return nowMs - this.#sinceMs;
  }

  /** The pod is there: it is asked again when the silence is twice as long. */
  excuse(nowMs: number): void {
    this.#asksAfterMs = 2 * this.lastsMs(nowMs);
  }
}
