/**
 * The reference experiment: ten servers from quick to hopeless, and who asks them. pure
 *
 * After linkerd-examples, `add-steps` (2017): latencies, success rates and load are those of its
 * docker-compose.yml. `capacityLimited` is our variant, for servers of endless capacity reward greed: the
 * first takes 5 ms, each serves one request after the other, and requests come whatever became of those before.
 */

/** One of the ten. */
export interface SeedServer {
  readonly latencyMs: number;
  readonly successRate: number;
}

export const SERVERS: readonly SeedServer[] = [
  { latencyMs: 0, successRate: 1 },
  { latencyMs: 10, successRate: 1 },
  { latencyMs: 20, successRate: 1 },
  { latencyMs: 40, successRate: 1 },
  { latencyMs: 80, successRate: 1 },
  { latencyMs: 160, successRate: 1 },
  { latencyMs: 320, successRate: 1 },
  { latencyMs: 640, successRate: 1 },
  { latencyMs: 1_000, successRate: 0.6 },
  { latencyMs: 2_000, successRate: 0.4 },
];

/** What the first server takes where capacity is limited. */
export const LIMITED_FIRST_MS = 5;

/** As published: fifty workers, each with one request under way, ten times a second at most, all at once. */
export const BURSTS = { workers: 50, periodMs: 100 } as const;
/** Requests a second of the open loop. */
export const OPEN_PER_SECOND = 300;

/** The two ways to run it. */
export const EXPERIMENTS = ['policies', 'capacityLimited'] as const;
export type ExperimentName = (typeof EXPERIMENTS)[number];

/** Who chooses a server. */
export const POLICIES = [
  'isthmus',
  'oracle',
  'round-robin',
  'haproxy-leastconn',
  'haproxy-random2',
  'nginx-least-conn',
] as const;
export type PolicyName = (typeof POLICIES)[number];

/** Who is measured at the same time: those compared most closely have the machine for themselves. */
export const GROUPS: readonly (readonly PolicyName[])[] = [
  ['isthmus', 'oracle'],
  ['round-robin', 'haproxy-leastconn', 'haproxy-random2', 'nginx-least-conn'],
];

export const SERVER_PORT = 8_080;
