/**
 * What `npm run bench` is asked, read from its arguments. Exit 2 with a message for bad ones.
 */
import { readToolArguments, wholeNumber } from '#runtime/tool.ts';
import { SCENARIOS } from './wire/scenarios.ts';

/** Those that run when none is named. */
export const NAMES = ['pick', 'pair', 'wire', 'seed', 'failover', 'devcluster'] as const;
/** All of them. */
export const ALL_NAMES = [...NAMES, 'endure', 'bare'] as const;
const REQUESTS = 10_000_000;
const COUNTS = ['rounds', 'services', 'endpoints', 'workers', 'requests'] as const;
const ROUNDS_MAX = 1_000;
const WORKERS_MAX = 64;
const SERVICES_MAX = 5_000;
const ENDPOINTS_MAX = 50_000;

/** See the header of `main.ts`. */
export type Wish = ReturnType<typeof readArguments>;

const USAGE = `npm run bench -- [NAME …] [--quick] [--json]

Measures Isthmus beside others. Without a name all run but the last two, and
docs/performance.md is written with its pictures; --quick writes no file.

  pick        one choice of the balancer
  pair        a pair of gateways alone
  wire        pairs of Isthmus, HAProxy and nginx
  seed        the reference experiment of latency-aware balancing
  failover    what clients see when something dies
  devcluster  the embedded API server
  endure      whether a pair grows over ten million requests (15 minutes)
  bare        how far Node itself goes: a pair that reads nothing, one that
              reads and writes heads

  --quick            shorter rounds
  --json             one JSON object on standard output
  --full             seed: as published
  --requests N       endure: so many
  --only A,B         wire: these scenarios, of
                     ${SCENARIOS.slice(0, 5).join(', ')},
                     ${SCENARIOS.slice(5).join(', ')}
  --rounds N         wire: so many rounds
  --services N       wire: so many services beside the one that is asked
  --endpoints N      wire: which have so many endpoints together
  --workers N        wire: workers of each gateway
  --profile DIR      wire: CPU profiles of both gateways

Exit 0: measured; 1: a system failed to start; 2: bad arguments.

Examples:
  npm run bench
  npm run --silent bench -- wire --quick --json
  npm run bench -- wire --only h1-c128 --services 1000 --endpoints 10000
`;

const CONFIG = {
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    services: { type: 'string' },
    endpoints: { type: 'string' },
    workers: { type: 'string' },
    requests: { type: 'string' },
    profile: { type: 'string' },
  },
} as const;

/** Reads the arguments of this process. */
export function readArguments() {
  return readToolArguments(USAGE, CONFIG, ({ values, positionals }) => {
    const names = positionals.map((each) => oneOf(each, ALL_NAMES, 'bench'));
    const only = values.only?.split(',').map((each) => oneOf(each, SCENARIOS, 'scenario'));
    const forWire = ['only', 'rounds', 'services', 'endpoints', 'workers', 'profile'] as const;
    const stray = forWire.find((each) => values[each] !== undefined);
    if (stray && (names.length !== 1 || names[0] !== 'wire'))
      throw new Error(`--${stray} belongs to the bench "wire" alone`);
    const count = (name: (typeof COUNTS)[number], most: number) => {
      const text = values[name];
      return text === undefined ? undefined : wholeNumber(name, text, most);
    };
    const rounds = count('rounds', ROUNDS_MAX);
    const workers = count('workers', WORKERS_MAX);
    const requests = count('requests', Number.MAX_SAFE_INTEGER) ?? REQUESTS;
    const services = count('services', SERVICES_MAX);
    const endpoints = count('endpoints', ENDPOINTS_MAX);
    const crowd = services ? { services, endpoints: endpoints ?? services } : undefined;
    if (endpoints !== undefined && crowd === undefined)
      throw new Error('--endpoints says how many endpoints the --services have together');
    if (values.profile === '') throw new Error('--profile wants a directory');
    const { quick, full, json, profile } = values;
    if (quick && full) throw new Error('--quick and --full exclude each other');
    if (full && names[0] !== 'seed') throw new Error('--full belongs to the bench "seed"');
    const wish = { names, quick, full, json, rounds, workers, crowd, profile, requests };
    return { ...wish, only: only ?? SCENARIOS };
  });
}

function oneOf<T extends string>(text: string, known: readonly T[], what: string): T {
  const found = known.find((each) => each === text);
  if (!found) throw new Error(`there is no ${what} "${text}": there are ${known.join(', ')}`);
  return found;
}
