/**
 * How the process of a worker is run, and why so: what was measured stands in decision 11.
 *
 * What a worker allocates lives for a request or for a connection, and most of what it costs beyond its work is what V8 does about that.
 */

/** Options of node for a worker; beside them it has those of the process that starts it. */
export const WORKER_FLAGS: readonly string[] = [
  // A small young generation is swept sooner, and a crowd of connections costs less memory.
  '--max-semi-space-size=4',
  // There is too little in it for several threads to share.
  '--no-parallel-scavenge',
  // It is also swept when buffers were made (`transport/reading.ts`), which V8 does not count as young.
  '--expose-gc',
  // V8 would look through everything again when half as much has been added to what lives.
  '--heap-growing-percent=200',
  // A crowd of requests under way at the wrong moment makes V8 take a place's objects for long-lived, for good.
  '--no-allocation-site-pretenuring',
];

/** One arena for all threads of a worker: with one each, what a crowd leaves behind stays with glibc. */
export const WORKER_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' };
