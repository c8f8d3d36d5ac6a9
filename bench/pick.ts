/**
 * What choosing an endpoint costs: the production balancer, 1,000 endpoints, no sockets.
 */
import { seededRandom } from '#core/random.ts';
import { NONE_TRIED } from '#gateway/balance/group.ts';
import { ServiceBalancer } from '#gateway/balance/service.ts';

const ENDPOINTS = 1_000;
const WARM_UP_PICKS = 200_000;

/** One run's figures. */
export interface PickFigures {
  readonly nsPerPick: number;
  readonly heapGrowthBytes: number;
}

/** Chooses, begins and ends `picks` requests. */
export function benchPick(picks: number): PickFigures {
  const balancer = new ServiceBalancer(seededRandom(1));
  const keys = Array.from({ length: ENDPOINTS }, (_, at) => `10.0.${at >> 8}.${at & 255}:8080`);
  balancer.update(keys, [{ cluster: 'east', weight: 3, roundTripMs: 20 }], 0);
  const tried = NONE_TRIED;
  let nowMs = 0;
  const run = (count: number) => {
    for (let at = 0; at < count; at += 1) {
      nowMs += 0.01;
      const choice = balancer.choose(nowMs, tried);
      if (!choice) throw new Error('nothing to choose');
      choice.endpoint.begin(nowMs);
      choice.endpoint.end(nowMs, nowMs + 1, 'success', 1 + (at % 7));
    }
  };
  run(WARM_UP_PICKS);
  globalThis.gc?.();
  const heapBytes = process.memoryUsage().heapUsed;
  const startNs = process.hrtime.bigint();
  run(picks);
  const tookNs = Number(process.hrtime.bigint() - startNs);
  globalThis.gc?.();
  return {
    nsPerPick: Math.round((tookNs / picks) * 10) / 10,
    heapGrowthBytes: Math.max(0, process.memoryUsage().heapUsed - heapBytes),
  };
}
