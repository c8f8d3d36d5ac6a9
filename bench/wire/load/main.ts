/**
 * The bench's own load generators, a process whose CPU does not count: `node bench/wire/load/main.ts`.
 *
 * One message asks for one load, one message is its result; it ends with its parent.
 */
import type { Address } from '#core/network.ts';
import { closedLoop, openLoop } from './http1-loads.ts';
import { http2Loop } from './http2.ts';
import { type Load, type LoadResult, Meter } from './meter.ts';
import { opaqueLoop } from './opaque.ts';

const LOADS = {
  'h2-8x16': http2Loop(8, 16, false),
  'grpc-unary': http2Loop(8, 8, true),
  'latency-1k': openLoop(1_000, 256),
  'h1-bulk': closedLoop(8, 'bulk'),
  'tcp-bulk': opaqueLoop(4),
  connect: closedLoop(16, 'connect'),
} as const satisfies Record<string, Load>;

/** The loads there are. */
export type LoadName = keyof typeof LOADS;

/** What is asked of this process. */
export interface LoadOrder {
  readonly load: LoadName;
  readonly target: Address;
  /** The pair whose CPU time is read. */
  readonly pids: readonly number[];
  readonly warmMs: number;
  readonly measureMs: number;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const meter = new Meter(order.pids);
  const stop = LOADS[order.load](order.target, meter);
  try {
    await pause(order.warmMs);
    meter.begin();
    await pause(order.measureMs);
    return meter.end();
  } finally {
    stop();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (process.send) {
  process.on('message', (order: LoadOrder) => {
    run(order).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ failure: String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C is the parent's to handle.
  process.on('SIGINT', () => undefined);
  process.send('ready');
}
