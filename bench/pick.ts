/**
 * What choosing an endpoint costs: the production balancer, 1,000 endpoints, no sockets.
 */
import { systemRandom } from '#core/random.ts';
import { NONE_TRIED } from '#gateway/balance/endpoint.ts';
import { ServiceBalancer } from '#gateway/balance/service.ts';
import { EndpointTable } from '#gateway/balance/table.ts';
import { TUNING } from '#gateway/balance/tuning.ts';
import { TRAFFIC_DEFAULTS } from '#gateway/snapshot/traffic.ts';

const ENDPOINTS = 1_000;
const WARM_UP_PICKS = 2_000_000;
const WARM_UP_TURNS = 10_000;
/** The fastest is what counts: in the others somebody else had the CPU. */
const ROUNDS = 500;

/** One run's figures. */
export interface PickFigures {
  readonly nsPerPick: number;
  readonly heapGrowthBytes: number;
}

/** Chooses, begins and ends `picks` requests, with everything a worker does for them every 250 ms. */
export function benchPick(picks: number): PickFigures {
  const table = new EndpointTable();
  const balancer = new ServiceBalancer('shop/backend', table, systemRandom, TRAFFIC_DEFAULTS);
  const local = Array.from({ length: ENDPOINTS }, (_, at) => ({
    key: `10.0.${at >> 8}.${at & 255}:8080`,
    weight: 1,
  }));
  balancer.update(local, [{ cluster: 'east', weight: 3, roundTripMs: 20 }], 0);
  let nowMs = 0;
  let tickMs = 0;
  const run = (count: number) => {
    for (let at = 0; at < count; at += 1) {
      nowMs += 0.01;
      const endpoint = balancer.pick(nowMs, NONE_TRIED, true);
      if (endpoint === undefined) throw new Error('nothing to choose');
      const load = balancer.begin(endpoint, nowMs);
      balancer.end(endpoint, nowMs, nowMs + 1, 'success', 1 + (at % 7), false, load);
      if (nowMs < tickMs) continue;
      tickMs = nowMs + TUNING.tickMs;
      balancer.tick(nowMs);
    }
  };
  // Until everything is compiled, ticks and the measuring itself included: code is on the heap as well.
  for (let turn = 0; turn < WARM_UP_TURNS; turn += 1) {
    run(WARM_UP_PICKS / WARM_UP_TURNS);
    balancer.tick(nowMs);
    if (turn % (WARM_UP_TURNS / 4) === 0) usedBytes();
  }
  const heapBytes = usedBytes();
  let fastestNs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startNs = process.hrtime.bigint();
    run(picks / ROUNDS);
    fastestNs = Math.min(fastestNs, Number(process.hrtime.bigint() - startNs));
  }
  return {
    nsPerPick: Math.round((fastestNs / (picks / ROUNDS)) * 10) / 10,
    heapGrowthBytes: Math.max(0, usedBytes() - heapBytes),
  };
}

function usedBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
