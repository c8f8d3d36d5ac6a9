/** What the tests of the balancer share: a service under a clock of the test's own. */
import assert from 'node:assert/strict';
import { seededRandom } from '#core/random.ts';
import { describeService, type EndpointReport } from '#gateway/balance/describe.ts';
import { type Endpoint, NONE_TRIED, type Outcome } from '#gateway/balance/endpoint.ts';
import { ServiceBalancer } from '#gateway/balance/service.ts';
import { EndpointTable } from '#gateway/balance/table.ts';
import { TUNING } from '#gateway/balance/tuning.ts';
import { TRAFFIC_DEFAULTS, type TrafficSettings } from '#gateway/snapshot/traffic.ts';

/** Settings that differ from the defaults in parts. */
export function settingsWith(
  change: {
    readonly [Part in keyof TrafficSettings]?: Partial<TrafficSettings[Part]>;
  },
): TrafficSettings {
  const parts = Object.entries(TRAFFIC_DEFAULTS).map(([part, defaults]) => [
    part,
    { ...defaults, ...change[part as keyof TrafficSettings] },
  ]);
  return Object.fromEntries(parts) as TrafficSettings;
}

/** Local endpoints of weight 1. */
export function pods(...keys: readonly string[]) {
  return keys.map((key) => ({ key, weight: 1 }));
}

/** A cluster that may serve. */
export function cluster(weight = 3, roundTripMs = 20, spilling = false) {
  return [{ cluster: 'east', weight, roundTripMs, spilling }];
}

/** One service, its clock, and how its endpoints answer. */
export class Bench {
  readonly table = new EndpointTable();
  readonly balancer: ServiceBalancer;
  nowMs = 0;
  #tickedMs = 0;

  constructor(seed = 1, settings: TrafficSettings = TRAFFIC_DEFAULTS) {
    this.balancer = new ServiceBalancer('shop/backend', this.table, seededRandom(seed), settings);
  }

  /** Lets `ms` pass, with the ticks that are due. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#tickedMs + TUNING.tickMs <= untilMs) {
      this.#tickedMs += TUNING.tickMs;
      this.nowMs = this.#tickedMs;
      this.balancer.tick(this.nowMs);
    }
    this.nowMs = untilMs;
  }

  /** The next pick's endpoint. */
  pick(tried: readonly Endpoint[] = NONE_TRIED, mayExplore = false): Endpoint {
    const endpoint = this.balancer.pick(this.nowMs, tried, mayExplore);
    assert.ok(endpoint);
    return endpoint;
  }

  /** One whole attempt at `endpoint`. */
  attempt(endpoint: Endpoint, outcome: Outcome, tookMs: number): void {
    const startMs = this.nowMs;
    this.balancer.begin(endpoint, startMs);
    this.pass(tookMs);
    const latencyMs = outcome === 'success' ? tookMs : Number.NaN;
    this.balancer.end(endpoint, startMs, this.nowMs, outcome, latencyMs, false);
  }

  /** `count` requests one after the other, `pauseMs` apart; returns who got how many. */
  serve(count: number, latencyMs: (key: string) => number, pauseMs = 1): Map<string, number> {
    const shares = new Map<string, number>();
    for (let at = 0; at < count; at += 1) {
      const endpoint = this.pick();
      shares.set(endpoint.key, (shares.get(endpoint.key) ?? 0) + 1);
      this.attempt(endpoint, 'success', latencyMs(endpoint.key));
      this.pass(pauseMs);
    }
    return shares;
  }

  /** The local endpoint `key`. */
  local(key: string): Endpoint {
    const endpoint = this.balancer.local.find(key);
    assert.ok(endpoint);
    return endpoint;
  }

  /** What is known of `key`. */
  report(key: string): EndpointReport {
    const { local, remote } = describeService(this.balancer, this.nowMs);
    const found = [...local, ...remote].find(({ endpoint }) => endpoint === key);
    assert.ok(found);
    return found;
  }

  get share(): number {
    return this.balancer.localShare(this.nowMs);
  }
}
