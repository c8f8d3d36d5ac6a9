/**
 * What is broken, for how long, and what a pod can hold. pure
 */

/** The scenarios, in the order they are played. */
export const SCENARIOS = [
  'kill',
  'blackhole',
  'brownout',
  'gateway-kill',
  'near-gateway-kill',
  'link-cut',
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** Who is measured: through one system each has the service to itself. */
export const SYSTEMS = ['isthmus', 'haproxy'] as const;
export type SystemName = (typeof SYSTEMS)[number];

/** What each scenario does, for the page. */
export const TEXTS: Readonly<Record<ScenarioName, string>> = {
  kill: 'every local pod is killed with requests in flight; its endpoints are withdrawn a second later; cold pods come back',
  blackhole: 'every local pod accepts and never answers; nothing tells that it does not',
  brownout: 'every local pod takes a hundred times as long',
  'gateway-kill': 'one of the two gateways of the other cluster is killed (SIGKILL)',
  'near-gateway-kill':
    'one of the two gateways of the own cluster is killed (SIGKILL); what its connections held may fail, nothing else',
  'link-cut': 'the gateways of the other cluster hear and say nothing more, and nobody is told',
};

/** A load balancer without a link has neither of these. */
export const HAPROXY_CAN: ReadonlySet<ScenarioName> = new Set(['kill', 'blackhole', 'brownout']);

export const REQUESTS_PER_SECOND = 500;
/** Times from the start of a scenario's load, `endMs` of the longest one. The first second does not count. */
export const TIMES = { countedMs: 1_000, faultMs: 3_000, healMs: 8_000, endMs: 24_000 } as const;
/** When each scenario is over: there is a way home to be watched where local pods were gone. */
export const ENDS_MS: Readonly<Record<ScenarioName, number>> = {
  kill: TIMES.endMs,
  blackhole: TIMES.endMs,
  brownout: TIMES.endMs,
  'gateway-kill': 13_000,
  'near-gateway-kill': 13_000,
  'link-cut': 18_000,
};
/** From the death of pods until the cluster knows. */
export const WITHDRAWN_AFTER_MS = 1_000;

/** Pods of each cluster, and of each what it can do: a cold one begins slow and grows. */
export const POD = {
  count: 3,
  slots: 8,
  takesMs: 5,
  coldSlots: 1,
  coldTakesMs: 20,
  coldForMs: 5_000,
  /** Requests that wait; one more is beyond what it can hold. */
  queueMax: 16,
  brownoutFactor: 100,
} as const;

export const POD_PORT = 8_080;
