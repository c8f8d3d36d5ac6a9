/**
 * The scenarios of the wire bench: what is asked, by which generator, and how it is counted. pure
 */
import type { LoadName } from './load/main.ts';
import type { Carried } from './systems.ts';

/** Names, in the order they run. */
export const SCENARIOS = [
  'h1-c16',
  'h1-c128',
  'h2-8x16',
  'grpc-unary',
  'latency-1k',
  'h1-bulk',
  'tcp-bulk',
  'connect',
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** One scenario. */
export interface Scenario {
  readonly title: string;
  readonly description: string;
  readonly carried: Carried;
  /** wrk with so many connections, or a load of the bench's own. */
  readonly generator: { readonly wrk: number } | { readonly load: LoadName };
  /** Whether work is counted in bytes. */
  readonly inBytes: boolean;
}

const SMALL = 'GETs with 64-byte answers';

/** What each scenario is. */
export const SCENARIO: Readonly<Record<ScenarioName, Scenario>> = {
  'h1-c16': {
    title: 'HTTP/1.1, 16 connections',
    description: `${SMALL} over 16 kept connections, one request at a time on each. Generator: wrk.`,
    carried: 'http1',
    generator: { wrk: 16 },
    inBytes: false,
  },
  'h1-c128': {
    title: 'HTTP/1.1, 128 connections',
    description: `${SMALL} over 128 kept connections, one request at a time on each. Generator: wrk.`,
    carried: 'http1',
    generator: { wrk: 128 },
    inBytes: false,
  },
  'h2-8x16': {
    title: 'HTTP/2, 8 connections × 16 streams',
    description: `${SMALL}, prior knowledge in, HTTP/2 to the backend. Generator: the bench's own, for h2load sends the same fields with every request.`,
    carried: 'http2',
    generator: { load: 'h2-8x16' },
    inBytes: false,
  },
  'grpc-unary': {
    title: 'gRPC, unary calls',
    description:
      'Calls with messages of 64 bytes both ways, 8 connections × 8 calls, trailers verified. Generator: the bench’s own.',
    carried: 'grpc',
    generator: { load: 'grpc-unary' },
    inBytes: false,
  },
  'latency-1k': {
    title: 'Latency at 1,000 requests a second',
    description:
      'HTTP/1.1 GETs in an open loop: each has its time, and its latency counts from that time, whether or not it could leave then. Generator: the bench’s own.',
    carried: 'http1',
    generator: { load: 'latency-1k' },
    inBytes: false,
  },
  'h1-bulk': {
    title: 'HTTP/1.1, bodies of 1 MiB',
    description: 'GETs with 1 MiB answers over 8 kept connections. Generator: the bench’s own.',
    carried: 'http1',
    generator: { load: 'h1-bulk' },
    inBytes: true,
  },
  'tcp-bulk': {
    title: 'Opaque TCP, 8 MiB transfers',
    description:
      'Four connections that carry bytes of no protocol known to the pair, from the backend to the client. Generator: the bench’s own.',
    carried: 'opaque',
    generator: { load: 'tcp-bulk' },
    inBytes: true,
  },
  connect: {
    title: 'New connections',
    description: `${SMALL}, each on a connection of its own (\`Connection: close\`), 16 at a time. Generator: the bench's own.`,
    carried: 'http1',
    generator: { load: 'connect' },
    inBytes: false,
  },
};
