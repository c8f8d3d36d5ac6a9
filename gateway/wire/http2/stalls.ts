/**
 * Streams whose peer takes next to nothing of what waits for it. pure
 */
import type { Session } from './session.ts';

/** Tells the owner of each stream that has waited for window, or got it by the spoonful, for too long; to be called every second or so. */
export function tellStalls<T>({ queue, limits, sink }: Session<T>, nowMs: number): void {
  for (const stream of queue.all()) {
    const fresh = stream.sentBytes - stream.stallFromBytes >= limits.stallBytes;
    if (stream.stallFromMs < 0 || fresh) {
      stream.stallFromMs = nowMs;
      stream.stallFromBytes = stream.sentBytes;
    } else if (nowMs - stream.stallFromMs >= limits.stallMs)
      sink.onStall(stream, nowMs - stream.stallFromMs);
  }
}
