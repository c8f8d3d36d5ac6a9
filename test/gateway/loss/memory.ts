/**
 * Two ends of a connection in memory, which breaks at a given byte, and a clock that is moved by hand.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock, Timer } from '#core/clock.ts';

/** What happens to a connection: a reset, an end that comes too early, silence, or one wrong bit. */
export type FaultKind = 'cut' | 'end' | 'stall' | 'flip';

/** Where it happens: in which direction, and after how many bytes. */
export interface Fault {
  readonly kind: FaultKind;
  /** 0: in what the first end sends. */
  readonly direction: 0 | 1;
  readonly afterBytes: number;
}

/** As much of a socket as transports use. */
class MemorySocket extends Duplex {
  other!: MemorySocket;
  bytesRead = 0;
  sentBytes = 0;
  remoteAddress = '192.0.2.1';
  readonly #fault: Fault | undefined;
  #broken = false;

  constructor(fault: Fault | undefined) {
    super({ allowHalfOpen: true });
    this.#fault = fault;
  }

  override _read(): void {
    // Pushed to.
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const from = this.sentBytes;
    this.sentBytes += bytes.length;
    const fault = this.#fault;
    if (this.#broken) {
      done();
      return;
    }
    if (fault === undefined || this.sentBytes <= fault.afterBytes) this.#deliver(bytes);
    else if (from <= fault.afterBytes) this.#break(fault.kind, bytes, fault.afterBytes - from);
    else this.#deliver(bytes);
    done();
  }

  override _final(done: () => void): void {
    if (!this.#broken) this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    setImmediate(() => {
      if (!this.#broken && !this.other.destroyed && !this.other.readableEnded)
        this.other.push(null);
    });
    done(error);
  }

  resetAndDestroy(): void {
    this.other.destroy(reset());
    this.destroy();
  }

  #deliver(bytes: Buffer): void {
    if (this.other.destroyed || bytes.length === 0) return;
    this.other.bytesRead += bytes.length;
    this.other.push(Buffer.from(bytes));
  }

  #break(kind: FaultKind, bytes: Buffer, at: number): void {
    if (kind === 'flip') {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      this.#deliver(changed);
      return;
    }
    this.#broken = true;
    this.#deliver(bytes.subarray(0, at));
    if (kind === 'end') this.other.push(null);
    else if (kind === 'cut') {
      setImmediate(() => {
        this.other.destroy(reset());
        this.destroy(reset());
      });
    }
  }
}

function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

/** A connection that suffers `fault`; what was sent each way. */
export function memoryPair(fault: Fault | undefined) {
  const of = (direction: 0 | 1) => (fault?.direction === direction ? fault : undefined);
  const [near, far] = [new MemorySocket(of(0)), new MemorySocket(of(1))];
  near.other = far;
  far.other = near;
  return {
    near: near as unknown as Socket,
    far: far as unknown as Socket,
    sent: () => [near.sentBytes, far.sentBytes] as const,
  };
}

/** Time that stands still until {@link HandClock.advance}. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #pending = new Set<{ atMs: number; periodMs: number; run: () => void }>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(delayMs, 0, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#add(periodMs, periodMs, callback);
  }

  /** Timers that are still to run. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Lets `ms` pass, and runs what was due. */
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const each of [...this.#pending]) {
      if (each.atMs > this.#nowMs || !this.#pending.has(each)) continue;
      if (each.periodMs > 0) each.atMs = this.#nowMs + each.periodMs;
      else this.#pending.delete(each);
      each.run();
    }
  }

  #add(delayMs: number, periodMs: number, run: () => void): Timer {
    const entry = { atMs: this.#nowMs + delayMs, periodMs, run };
    this.#pending.add(entry);
    return { cancel: () => this.#pending.delete(entry) };
  }
}
